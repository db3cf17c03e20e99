package anchors

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Durable makes files as a commit does: create, write, fsync, link to the final name,
// unlink, fsync of the folder.
type Durable struct {
	dir    string
	folder *os.File
	number int
}

// NewDurable makes a folder under dir for the files; Close removes it.
func NewDurable(dir string) (*Durable, error) {
	d, err := os.MkdirTemp(dir, "anchor-")
	if err != nil {
		return nil, err
	}
	f, err := os.Open(d)
	if err != nil {
		return nil, err
	}
	return &Durable{dir: d, folder: f}, nil
}

// Create makes one file durable.
func (d *Durable) Create(data []byte) error {
	d.number++
	final := filepath.Join(d.dir, fmt.Sprintf("%020d", d.number))
	temporary := final + ".tmp"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err := os.Link(temporary, final); err != nil {
		return err
	}
	if err := os.Remove(temporary); err != nil {
		return err
	}
	return d.folder.Sync()
}

// Rate makes n files of size bytes on one thread and returns files per second.
func (d *Durable) Rate(n, size int) (float64, error) {
	data := make([]byte, size)
	start := time.Now()
	for range n {
		if err := d.Create(data); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// Chain makes files of the sizes one after the other and returns how long all took.
func (d *Durable) Chain(sizes ...int) (time.Duration, error) {
	buffers := make([][]byte, len(sizes))
	for i, n := range sizes {
		buffers[i] = make([]byte, n)
		for j := range buffers[i] {
			buffers[i][j] = byte(j * 31)
		}
	}
	start := time.Now()
	for _, b := range buffers {
		if err := d.Create(b); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// Close removes the files.
func (d *Durable) Close() error {
	d.folder.Close()
	return os.RemoveAll(d.dir)
}
