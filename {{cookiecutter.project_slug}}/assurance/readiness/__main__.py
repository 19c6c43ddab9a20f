import sys

from assurance.readiness.run import main

if __name__ == "__main__":
    sys.exit(main())
