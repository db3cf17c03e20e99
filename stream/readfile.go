package stream

import (
	"context"
	"path"
	"path/filepath"

	"github.com/deltaic/deltaic/objstore/location"
)

// maxFile bounds a file of descriptors.
const maxFile = 4 << 20

// readFile reads a small file that an expression names, of a folder or an object store, while a flow is said.
func readFile(name string) ([]byte, error) {
	folder, base := filepath.Split(name)
	if location.Remote(name) {
		folder, base = path.Split(name)
	}
	if folder == "" {
		folder = "."
	}
	store, err := location.Open(folder)
	if err != nil {
		return nil, err
	}
	return store.Get(context.Background(), base, maxFile)
}
