"""The Celery task that runs a job."""

from celery import shared_task

from operations import jobs


@shared_task(name=jobs.TASK)
def run_job(job_id: str) -> None:
    jobs.run(job_id)
