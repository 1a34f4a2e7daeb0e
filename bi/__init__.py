"""What BI tools see of the warehouse: Superset's dashboards as code, the other tools' ways in, and what would break."""
