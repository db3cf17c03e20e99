package image

import "github.com/cockroachdb/pebble/v2/vfs"

// shield is the file system as Pebble sees it. Where its manifest cannot be written Pebble cannot go on, and what it has in
// memory by then makes its own goroutines panic. So it never hears of it: the image is broken from then on, nothing
// more is written to the manifest, and what is on the disk stays a prefix of what happened, until the image is begun anew.
type shield struct {
	vfs.FS
	image *Image
}

func (s shield) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(name, category)
	if err == nil && isManifest(s.PathBase(name)) {
		f = &manifest{f, s.image}
	}
	return f, err
}

func isManifest(base string) bool {
	return len(base) > len("MANIFEST-") && base[:len("MANIFEST-")] == "MANIFEST-"
}

// manifest is a file whose writing never fails.
type manifest struct {
	vfs.File
	image *Image
}

func (m *manifest) try(write func() error) {
	if m.image.broken.Load() != nil {
		return
	}
	if err := write(); err != nil {
		m.image.blame(err)
	}
}

func (m *manifest) Write(p []byte) (int, error) {
	m.try(func() error { _, err := m.File.Write(p); return err })
	return len(p), nil
}

func (m *manifest) Sync() error {
	m.try(m.File.Sync)
	return nil
}

func (m *manifest) SyncData() error {
	m.try(m.File.SyncData)
	return nil
}

func (m *manifest) SyncTo(length int64) (all bool, err error) {
	m.try(func() error { all, err = m.File.SyncTo(length); return err })
	return all, nil
}

func (m *manifest) Preallocate(offset, length int64) error {
	m.try(func() error { return m.File.Preallocate(offset, length) })
	return nil
}
