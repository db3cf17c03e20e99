package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrDead is what every file operation of a process that was killed gives.
var ErrDead = errors.New("the process is dead")

// Disk is a file system that forgets, at a power cut, what was not synced. All
// processes of a world work on one disk, each through its own [FS].
type Disk struct {
	mem *vfs.MemFS
}

// NewDisk returns an empty disk.
func NewDisk() *Disk { return &Disk{vfs.NewCrashableMem()} }

// PowerCut keeps what was synced and, by chance, so many percent of the rest.
func (d *Disk) PowerCut(percent int, seed uint64) {
	d.mem = d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(uint64(percent), seed))})
}

// Export writes what is on the disk under root to a folder of the operating system.
func (d *Disk) Export(root, to string) error {
	info, err := d.mem.Stat(root)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	if !info.IsDir() {
		f, err := d.mem.Open(root)
		if err != nil {
			return err
		}
		defer f.Close()
		data := make([]byte, info.Size())
		if len(data) > 0 {
			if _, err := f.ReadAt(data, 0); err != nil {
				return err
			}
		}
		return os.WriteFile(to, data, 0o600)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	names, err := d.mem.List(root)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := d.Export(d.mem.PathJoin(root, n), filepath.Join(to, n)); err != nil {
			return err
		}
	}
	return nil
}

// Op is one durable operation of a process on the disk.
type Op struct {
	N    int    // of the process, from 1
	Verb string // create write sync link dirsync remove rename mkdir
	Path string
	// Phase is what the process is at: see [process.call]. Object is the final path of the
	// object that a temporary file is for.
	Phase, Object string
}

// Point names the place in the protocol that the operation is.
func (o Op) Point() string {
	path := o.Path
	if strings.Contains(path, "/.tmp-") && o.Object != "" {
		path = o.Object
	}
	return o.Phase + " " + Class(path) + " " + o.Verb
}

func (o Op) String() string { return fmt.Sprintf("%d %s, %s", o.N, o.Point(), o.Path) }

// Fate is what becomes of an operation.
type Fate uint8

// The fates. After Before and After the process is dead.
const (
	Passes  Fate = iota
	Before       // the process dies before it
	After        // the process dies after it
	NoSpace      // ENOSPC, nothing happens
	Breaks       // EIO, nothing happens
)

// FS is the disk as one process sees it.
type FS struct {
	disk *Disk
	// Decide is asked before every durable operation. nil: all pass.
	Decide func(Op) Fate
	// Died is called once, at the moment of death.
	Died func(Op, Fate)

	mu   sync.Mutex
	n    int
	dead bool

	phase, object string // for the names of points
}

var _ vfs.FS = (*FS)(nil)

// Kill makes every operation from now on fail.
func (f *FS) Kill() {
	f.mu.Lock()
	f.dead = true
	f.mu.Unlock()
}

// Dead reports whether the process was killed.
func (f *FS) Dead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

// Ops returns how many durable operations there were.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

func (f *FS) alive() error {
	if f.Dead() {
		return ErrDead
	}
	return nil
}

// durable carries out an operation under its fate.
func (f *FS) durable(verb, path string, do func() error) error {
	if err := f.alive(); err != nil {
		return err
	}
	f.mu.Lock()
	f.n++
	op := Op{N: f.n, Verb: verb, Path: path, Phase: f.phase, Object: f.object}
	f.mu.Unlock()
	fate := Passes
	if f.Decide != nil {
		fate = f.Decide(op)
	}
	if f.Dead() { // killed by what Decide let happen meanwhile
		return ErrDead
	}
	switch fate {
	case NoSpace:
		return &os.PathError{Op: verb, Path: path, Err: syscall.ENOSPC}
	case Breaks:
		return &os.PathError{Op: verb, Path: path, Err: syscall.EIO}
	case After:
		_ = do()
		fallthrough
	case Before:
		f.Kill()
		if f.Died != nil {
			f.Died(op, fate)
		}
		return ErrDead
	}
	return do()
}

// Create makes an empty file.
func (f *FS) Create(name string, c vfs.DiskWriteCategory) (file vfs.File, err error) {
	err = f.durable("create", name, func() (err error) {
		file, err = f.disk.mem.Create(name, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &openFile{File: file, fs: f, path: name}, nil
}

// Link adds a name.
func (f *FS) Link(old, name string) error {
	return f.durable("link", name, func() error { return f.disk.mem.Link(old, name) })
}

// Remove removes a name.
func (f *FS) Remove(name string) error {
	return f.durable("remove", name, func() error { return f.disk.mem.Remove(name) })
}

// RemoveAll is not used by any store.
func (f *FS) RemoveAll(name string) error {
	return f.durable("remove", name, func() error { return f.disk.mem.RemoveAll(name) })
}

// Rename replaces a name.
func (f *FS) Rename(old, name string) error {
	return f.durable("rename", name, func() error { return f.disk.mem.Rename(old, name) })
}

// MkdirAll makes folders. A folder that is there is no durable operation.
func (f *FS) MkdirAll(dir string, perm os.FileMode) error {
	if err := f.alive(); err != nil {
		return err
	}
	if info, err := f.disk.mem.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	return f.durable("mkdir", dir+"/", func() error { return f.disk.mem.MkdirAll(dir, perm) })
}

// Open opens a file for reading.
func (f *FS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	file, err := f.disk.mem.Open(name, o...)
	if err != nil {
		return nil, err
	}
	return &openFile{File: file, fs: f, path: name}, nil
}

// OpenDir opens a folder, for its Sync.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	file, err := f.disk.mem.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &openFile{File: file, fs: f, path: name + "/", folder: true}, nil
}

// OpenReadWrite is not used by any store.
func (f *FS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return nil, errors.ErrUnsupported
}

// ReuseForWrite is not used by any store.
func (f *FS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, errors.ErrUnsupported
}

// Lock is not used by any store.
func (f *FS) Lock(name string) (io.Closer, error) { return nil, errors.ErrUnsupported }

// List lists a folder.
func (f *FS) List(dir string) ([]string, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	return f.disk.mem.List(dir)
}

// Stat describes a file.
func (f *FS) Stat(name string) (vfs.FileInfo, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	return f.disk.mem.Stat(name)
}

// PathBase, PathJoin and PathDir are the disk's.
func (f *FS) PathBase(p string) string { return f.disk.mem.PathBase(p) }

// PathJoin joins parts of a path.
func (f *FS) PathJoin(e ...string) string { return f.disk.mem.PathJoin(e...) }

// PathDir returns the folder of a path.
func (f *FS) PathDir(p string) string { return f.disk.mem.PathDir(p) }

// GetDiskUsage is not known.
func (f *FS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{}, vfs.ErrUnsupported
}

// Unwrap returns nil: nothing may go round this.
func (f *FS) Unwrap() vfs.FS { return nil }

// openFile is a file or folder that a process has open.
type openFile struct {
	vfs.File
	fs     *FS
	path   string
	folder bool
}

func (o *openFile) Write(p []byte) (n int, err error) {
	err = o.fs.durable("write", o.path, func() (err error) {
		n, err = o.File.Write(bytes.Clone(p)) // with the race detector it scribbles over what it was given
		return err
	})
	return n, err
}

func (o *openFile) Sync() error {
	verb := "sync"
	if o.folder {
		verb = "dirsync"
	}
	return o.fs.durable(verb, o.path, o.File.Sync)
}

func (o *openFile) ReadAt(p []byte, at int64) (int, error) {
	if err := o.fs.alive(); err != nil {
		return 0, err
	}
	return o.File.ReadAt(p, at)
}

func (o *openFile) Read(p []byte) (int, error) {
	if err := o.fs.alive(); err != nil {
		return 0, err
	}
	return o.File.Read(p)
}

// Class says what a path is for.
func Class(path string) string {
	switch {
	case strings.HasSuffix(path, "_last_checkpoint"):
		return "last-checkpoint"
	case strings.HasSuffix(path, ".checkpoint.parquet"):
		return "checkpoint"
	case strings.Contains(path, "/ledger/_delta_log"):
		return "ledger-log"
	case strings.Contains(path, "/_delta_log"):
		return "table-log"
	case strings.Contains(path, "/manifests/"):
		return "manifest"
	case strings.Contains(path, "/state/"):
		return "state"
	case strings.HasSuffix(path, ".parquet"):
		return "data"
	}
	return "folder"
}
