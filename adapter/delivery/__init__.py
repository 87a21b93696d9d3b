"""The way out to subscribers: what waits is decided again by the gate and sent over HTTP."""
