import sys

from assurance.evals.run import main

if __name__ == "__main__":
    sys.exit(main())
