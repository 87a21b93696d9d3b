"""HL7 v2 messages as jail systems write them: tokens, batches, records."""
