import sys

# Training needs a workstation's Python; everything else runs on a board's 3.6.
collect_ignore = ["training"] if sys.version_info < (3, 10) else []
