"""What the home page watches of jobs. The packages whose jobs they are say what has become of them."""

from django.db.models import Count, Max, Sum

from accounts.home import home_stamp
from accounts.models import User
from operations.models import Job


@home_stamp
def read_states_of_jobs(user: User) -> object:
    rows = Job.objects.order_by("state").values_list("state")
    return list(rows.annotate(n=Count("pk"), progress=Sum("progress"), last=Max("finished_at")))
