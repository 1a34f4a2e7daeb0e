"""Apache Superset over the marts, as code. Superset itself lives in an environment of its own."""
