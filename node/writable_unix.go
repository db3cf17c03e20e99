//go:build unix

package node

import "syscall"

// writable reports, without writing, why nothing can be created in a folder.
func writable(dir string) error {
	const writeAndSearch = 2 | 1
	return syscall.Access(dir, writeAndSearch)
}
