//go:build !(amd64 || arm64 || riscv64 || loong64 || ppc64le)

package json

import "encoding/binary"

// load returns the eight bytes from p on, the first one lowest.
func load(s []byte, p int) uint64 { return binary.LittleEndian.Uint64(s[p:]) }

// store writes eight bytes from p on.
func store(s []byte, p int, w uint64) { binary.LittleEndian.PutUint64(s[p:], w) }
