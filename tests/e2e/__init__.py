"""The whole product as processes: Valkey, emulator, worker, gunicorn and Chromium."""
