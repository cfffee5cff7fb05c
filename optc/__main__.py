from optc.cli.main import main

raise SystemExit(main())
