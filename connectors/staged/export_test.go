package staged

import "hash/crc32"

// Digest is the digest of data as manifests hold it.
func Digest(data []byte) string { return digestText(crc32.Checksum(data, castagnoli)) }
