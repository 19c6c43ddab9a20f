import sys

from assurance.controls.run import main

if __name__ == "__main__":
    sys.exit(main())
