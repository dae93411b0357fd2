"""`python -m savi_ckpt …` is `savi-ckpt …`."""
import os
import sys

from savi_ckpt.tool import NAME, binary

os.execv(binary(), [NAME, *sys.argv[1:]])
