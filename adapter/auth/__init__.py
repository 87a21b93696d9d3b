"""Who is asking: tokens and clients."""
