"""A process that reads the new file of a clip and ends at once, as by a fault in a decoder.

Run as `python -m tests.support.crashing_reader`, in place of `annotation.corrections.new_file_process`.
"""

import os
import signal

os.kill(os.getpid(), signal.SIGSEGV)
