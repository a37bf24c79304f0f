"""The command ``parquetry``, also as ``python -m parquetry``.

The package, which Python imports first, has loaded the ``cli`` that was installed with it.
"""

from cli.main import main

if __name__ == "__main__":
    main()
