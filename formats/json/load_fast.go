//go:build amd64 || arm64 || riscv64 || loong64 || ppc64le

package json

import "unsafe"

// load returns the eight bytes from p on, the first one lowest. The caller has
// checked that they lie within s: this is the decoder's innermost operation,
// and a second check costs a fifth of its speed.
func load(s []byte, p int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), p))
}

// store writes eight bytes from p on. The caller has checked that they lie
// within s.
func store(s []byte, p int, w uint64) {
	*(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), p)) = w
}
