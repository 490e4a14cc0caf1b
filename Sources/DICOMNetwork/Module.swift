// Storage SCP and SCU, storage commitment, echo and TLS.
