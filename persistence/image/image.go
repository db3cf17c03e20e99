package image

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
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
	Dir     string // made when it is needed; nobody else may write in it
	Cache   int64  // bytes of the block cache; 0: 32 MiB
	Account *batch.Account
	Log     *zap.Logger // nil: nothing is said
}

const (
	defaultCache = 32 << 20
	leastCache   = 1 << 20
	mostCache    = 256 << 20
	memTable     = 1 << 20 // only ingested files are written, so it stays empty
	blockSize    = 4 << 10
	filterBits   = 10
)

// Image is a database of rows. It may be used by many goroutines. It is opened when it
// is needed: small state never needs it.
type Image struct {
	options Options
	files   atomic.Int64          // ingested since it was opened
	broken  atomic.Pointer[error] // why it is

	mu     sync.Mutex
	idle   sync.Cond // of mu: nobody uses the database
	users  int
	db     *pebble.DB
	cache  *pebble.Cache
	writer sstable.WriterOptions
	closed bool
	// generation counts how often the image was begun anew: what a table of an earlier one knew is gone.
	generation int
}

// New returns the image in a folder.
func New(o Options) *Image {
	if o.Cache == 0 {
		o.Cache = defaultCache
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	i := &Image{options: o}
	i.idle.L = &i.mu
	return i
}

// Local returns the image in a folder of this machine, with a cache of a fifth of the memory: the filters of
// all rows must fit, ten bits each, or every look for a row reads them anew.
func Local(dir string, account *batch.Account, log *zap.Logger) *Image {
	cache := int64(defaultCache)
	if limit := account.Limit(); limit > 0 {
		cache = max(leastCache, min(mostCache, limit/5))
	}
	return New(Options{FS: vfs.Default, Dir: dir, Cache: cache, Account: account, Log: log})
}

// enter returns the generation that tables are of which an attempt asks for now, and whether there is anything in
// the image.
func (i *Image) enter() (generation int, there bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.renew(); err != nil {
		return 0, false, err
	}
	return i.generation, i.exists(), nil
}

// exists reports whether there is anything in the image. The lock is held.
func (i *Image) exists() bool {
	if i.db != nil {
		return true
	}
	_, err := i.options.FS.Stat(i.options.Dir)
	return err == nil
}

// use opens the database if it is not, and keeps it open until the function that
// it returns is called.
func (i *Image) use(generation int) (*pebble.DB, func(), error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	err := i.whole()
	if err == nil && generation != i.generation {
		err = errRenewed
	}
	if err == nil {
		err = i.open()
	}
	if err != nil {
		return nil, nil, err
	}
	i.users++
	return i.db, i.leave, nil
}

func (i *Image) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.users--; i.users == 0 {
		i.idle.Broadcast()
	}
}

// open opens the database. One that is broken is begun anew; one that another process has open is
// the error STATE_STORE_IMAGE_IN_USE. The lock is held.
func (i *Image) open() error {
	if i.closed {
		return errClosed
	}
	if i.db != nil {
		return nil
	}
	o := i.options
	err := i.try()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errInUse):
		return &supervision.Failure{Kind: supervision.Transient, Class: "STATE_STORE_IMAGE_IN_USE", Path: o.Dir,
			Message: "another process has the local image of the state open", Cause: err,
			Hint: "stop the other process that runs the flow, or wait for its end"}
	}
	o.Log.Warn("the local image of the state cannot be opened and is begun anew", zap.String("path", o.Dir), zap.Error(err))
	if err = o.FS.RemoveAll(o.Dir); err == nil {
		i.broken.Store(nil) // it was empty all along, for those who use it
		err = i.try()
	}
	if err != nil {
		return i.writeFailed(err)
	}
	return nil
}

func (i *Image) try() (err error) {
	o := i.options
	defer func() {
		if broken := recover(); broken != nil { // how Pebble tells what it cannot go on from
			err = fmt.Errorf("open image %s: %v", o.Dir, broken)
		}
	}()
	if err := o.FS.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	lock, err := pebble.LockDirectory(o.Dir, o.FS)
	if err != nil {
		return fmt.Errorf("%w: %w", errInUse, err)
	}
	if err := lock.Close(); err != nil {
		return err
	}
	cache := pebble.NewCache(o.Cache)
	options := &pebble.Options{FS: shield{o.FS, i}, Cache: cache, MemTableSize: memTable, FormatMajorVersion: pebble.FormatNewest,
		DisableWAL: true, Logger: logger{i}, EventListener: i.events(), CompactionConcurrencyRange: i.compactions}
	for level := range options.Levels {
		options.Levels[level].BlockSize = blockSize
		options.Levels[level].FilterPolicy = bloom.FilterPolicy(filterBits)
		options.Levels[level].FilterType = pebble.TableFilter
	}
	options.EnsureDefaults()
	db, err := pebble.Open(o.Dir, options)
	if err != nil {
		lost(cache)
		return err
	}
	if err := errors.Join(i.sweep(), i.whole()); err != nil {
		err = errors.Join(err, db.Close())
		lost(cache)
		return err
	}
	i.db, i.cache, i.writer = db, cache, options.MakeWriterOptions(0, db.TableFormat())
	o.Account.Charge(o.Cache + memTable)
	return nil
}

const staging = "fold-" // begins the names of files that are not ingested yet

// compactions says how many the database may run at once: none before the first file is ingested. One that an earlier process
// did not end would begin when the database is opened, which would wait for it, while a restart is in a hurry.
func (i *Image) compactions() (least, most int) {
	if i.files.Load() == 0 {
		return 0, 1
	}
	return 1, 1
}

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

// Close waits for what uses the database and closes it. What comes after is the
// error STATE_STORE_IMAGE_CLOSED.
func (i *Image) Close() error {
	if i == nil {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	for i.users > 0 {
		i.idle.Wait()
	}
	return i.shut()
}

// ingest builds a file and takes it into the database, whole or not at all.
func (t *Table) ingest(ctx context.Context, build func(*sstable.Writer) error) error {
	i := t.image
	db, leave, err := i.use(t.generation)
	if err != nil {
		return err
	}
	defer leave()
	path := i.options.FS.PathJoin(i.options.Dir, fmt.Sprintf("%s%d", staging, i.files.Add(1)))
	f, err := i.options.FS.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return i.writeFailed(err)
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), i.writer)
	if err = build(w); err != nil {
		err = errors.Join(err, w.Close())
	} else if err = w.Close(); err == nil {
		err = db.Ingest(ctx, []string{path})
	}
	if err != nil {
		_ = i.options.FS.Remove(path) // the next start sweeps what stays
		return i.writeFailed(err)
	}
	t.there = true
	return i.whole()
}
