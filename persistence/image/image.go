package image

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Options says where an image lies. FS and Dir are needed.
type Options struct {
	FS      vfs.FS
	Dir     string // made if it is not there; nobody else may write in it
	Cache   int64  // bytes of the block cache; 0: 32 MiB
	Account *batch.Account
	Log     *zap.Logger // nil: nothing is said
}

const (
	defaultCache = 32 << 20
	memTable     = 1 << 20 // only ingested files are written, so it stays empty
	blockSize    = 16 << 10
	filterBits   = 10
)

// Image is a database of rows. It may be used by many goroutines.
type Image struct {
	options Options
	db      *pebble.DB
	cache   *pebble.Cache
	writer  sstable.WriterOptions
	files   atomic.Int64 // ingested since it was opened
}

// Open opens the image in a folder, or begins one. One that is broken is begun
// anew; one that another process has open is the error STATE_STORE_IMAGE_IN_USE.
func Open(o Options) (*Image, error) {
	if o.Cache == 0 {
		o.Cache = defaultCache
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	i, err := open(o)
	if err == nil {
		return i, nil
	}
	if errors.Is(err, errInUse) {
		return nil, &supervision.Failure{Kind: supervision.Transient, Class: "STATE_STORE_IMAGE_IN_USE", Path: o.Dir,
			Message: "another process has the local image of the state open", Cause: err,
			Hint: "stop the other process that runs the flow, or wait for its end"}
	}
	o.Log.Warn("the local image of the state cannot be opened and is begun anew", zap.String("path", o.Dir), zap.Error(err))
	if err := o.FS.RemoveAll(o.Dir); err != nil {
		return nil, fmt.Errorf("remove the broken image %s: %w", o.Dir, err)
	}
	return open(o)
}

var errInUse = errors.New("in use")

func open(o Options) (i *Image, err error) {
	defer func() {
		if broken := recover(); broken != nil { // how Pebble tells what it cannot go on from
			err = fmt.Errorf("open image %s: %v", o.Dir, broken)
		}
	}()
	if err := o.FS.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(o.Dir, o.FS)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errInUse, err)
	}
	if err := lock.Close(); err != nil {
		return nil, err
	}
	cache := pebble.NewCache(o.Cache)
	options := &pebble.Options{FS: o.FS, Cache: cache, MemTableSize: memTable, FormatMajorVersion: pebble.FormatNewest,
		DisableWAL: true, Logger: logger{o.Log}, CompactionConcurrencyRange: func() (int, int) { return 1, 1 }}
	for level := range options.Levels {
		options.Levels[level].BlockSize = blockSize
		options.Levels[level].FilterPolicy = bloom.FilterPolicy(filterBits)
		options.Levels[level].FilterType = pebble.TableFilter
	}
	options.EnsureDefaults()
	db, err := pebble.Open(o.Dir, options)
	if err != nil {
		cache.Unref()
		return nil, err
	}
	i = &Image{options: o, db: db, cache: cache, writer: options.MakeWriterOptions(0, db.TableFormat())}
	o.Account.Charge(o.Cache + memTable)
	if err := i.sweep(); err != nil {
		return nil, errors.Join(err, i.Close())
	}
	return i, nil
}

const staging = "fold-" // begins the names of files that are not ingested yet

// sweep removes what folds left that did not end.
func (i *Image) sweep() error {
	names, err := i.options.FS.List(i.options.Dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if strings.HasPrefix(n, staging) {
			if err := i.options.FS.Remove(i.options.FS.PathJoin(i.options.Dir, n)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close closes the database. Nothing may use it any more.
func (i *Image) Close() error {
	i.options.Account.Charge(-(i.options.Cache + memTable))
	err := i.db.Close()
	i.cache.Unref()
	return err
}

// ingest builds a file and takes it into the database, whole or not at all.
func (i *Image) ingest(ctx context.Context, build func(*sstable.Writer) error) error {
	path := i.options.FS.PathJoin(i.options.Dir, fmt.Sprintf("%s%d", staging, i.files.Add(1)))
	f, err := i.options.FS.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), i.writer)
	if err := build(w); err != nil {
		return errors.Join(err, w.Close(), i.options.FS.Remove(path))
	}
	if err := w.Close(); err != nil {
		return err
	}
	return i.db.Ingest(ctx, []string{path})
}

// Size returns the bytes that the database takes on disk.
func (i *Image) Size() int64 { return int64(i.db.Metrics().DiskSpaceUsage()) }

// logger tells what Pebble has to say. What it cannot go on from is a panic, which
// ends the attempt, not the process.
type logger struct{ log *zap.Logger }

func (l logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	l.log.Warn("local image of the state: " + fmt.Sprintf(format, args...))
}

func (l logger) Fatalf(format string, args ...any) {
	panic("local image of the state: " + fmt.Sprintf(format, args...))
}
