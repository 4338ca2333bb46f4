import sys
from pathlib import Path

# The chassis stands beside this service's folder, wherever the service is started from.
sys.path.append(str(Path(__file__).resolve().parents[2]))
