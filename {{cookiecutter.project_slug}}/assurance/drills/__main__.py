import sys

from assurance.drills.run import main

if __name__ == "__main__":
    sys.exit(main())
