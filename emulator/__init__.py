"""An AWS DataSync that runs on a laptop: its API, real transfers to S3, real logs."""
