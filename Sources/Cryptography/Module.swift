// Digests, keyed hashes and signatures over OpenSSL.
