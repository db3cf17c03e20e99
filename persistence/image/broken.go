package image

import (
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"

	"github.com/deltaic/deltaic/internal/invariant"
	"github.com/deltaic/deltaic/supervision"
)

var (
	errInUse   = errors.New("in use")
	errRenewed = &supervision.Failure{Kind: supervision.Restart, Class: "STATE_STORE_IMAGE_BROKEN", Message: "the local image of the state was broken and has been begun anew"}
	errClosed  = &supervision.Failure{Kind: supervision.Restart, Class: "STATE_STORE_IMAGE_CLOSED", Message: "the local image of the state has been closed"}
)

// blame notes that what is in the database can be trusted no more. Whoever uses it from now on gets the
// error STATE_STORE_IMAGE_BROKEN, until the next attempt asks for its tables, with which the image is begun anew.
func (i *Image) blame(err error) {
	if i.broken.CompareAndSwap(nil, &err) {
		i.options.Log.Warn("the local image of the state is broken and will be made anew", zap.String("path", i.options.Dir), zap.Error(err))
	}
}

// whole returns the error STATE_STORE_IMAGE_BROKEN if the image is.
func (i *Image) whole() error {
	cause := i.broken.Load()
	if cause == nil {
		return nil
	}
	return &supervision.Failure{Kind: supervision.Restart, Class: "STATE_STORE_IMAGE_BROKEN", Path: i.options.Dir, Cause: *cause,
		Message: "what lies below memory cannot be read: " + (*cause).Error(),
		Hint:    "the next attempt makes it anew from the checkpoint; if it happens again, look at the disk"}
}

// readFailed blames the image for an error of reading.
func (i *Image) readFailed(err error) error {
	if err == nil {
		return i.whole()
	}
	i.blame(err)
	return i.whole()
}

// writeFailed says that the image takes no more rows. What is in it is as it was.
func (i *Image) writeFailed(err error) error {
	if err := i.whole(); err != nil {
		return err
	}
	hint := "the next attempt tries again; look at the disk"
	if errors.Is(err, syscall.ENOSPC) {
		hint = "make room on the disk: the next attempt goes on"
	}
	return &supervision.Failure{Kind: supervision.Restart, Class: "STATE_STORE_IMAGE_WRITE_FAILED", Path: i.options.Dir, Cause: err,
		Message: "rows cannot be written below memory: " + err.Error(), Hint: hint}
}

// renew begins a broken image anew, when nobody uses it any more. The lock is held.
func (i *Image) renew() error {
	if i.broken.Load() == nil {
		return nil
	}
	for i.users > 0 {
		i.idle.Wait()
	}
	if i.broken.Load() == nil { // another one has renewed it meanwhile
		return nil
	}
	if err := i.shut(); err != nil {
		i.options.Log.Warn("the broken image does not close", zap.String("path", i.options.Dir), zap.Error(err))
	}
	if err := i.options.FS.RemoveAll(i.options.Dir); err != nil {
		return i.writeFailed(fmt.Errorf("remove the broken image: %w", err))
	}
	i.generation++
	i.broken.Store(nil)
	return nil
}

// shut closes the database. The lock is held.
func (i *Image) shut() (err error) {
	if i.db == nil {
		return nil
	}
	defer func() {
		if panicked := recover(); panicked != nil { // a database that has lost its manifest may not know how to end
			err = fmt.Errorf("close image %s: %v", i.options.Dir, panicked)
		}
	}()
	db, cache := i.db, i.cache
	i.db, i.cache = nil, nil
	i.options.Account.Charge(-(i.options.Cache + memTable))
	if i.broken.Load() != nil {
		defer lost(cache)
	} else {
		defer cache.Unref()
	}
	return db.Close()
}

// lost gives up the cache of a database that did not open or that is broken. Pebble may keep a reference to it, and where its own
// invariants are checked it ends the process when such a cache is collected: there it is not collected.
func lost(cache *pebble.Cache) {
	cache.Unref()
	if invariant.Enabled {
		kept.Lock()
		defer kept.Unlock()
		kept.caches = append(kept.caches, cache)
	}
}

var kept struct {
	sync.Mutex
	caches []*pebble.Cache
}

// logger hears what Pebble has to say, on whatever goroutine.
type logger struct{ image *Image }

func (l logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	l.image.options.Log.Warn("local image of the state: " + fmt.Sprintf(format, args...))
}

// Fatalf is told what Pebble cannot go on from. It must end neither the process nor the goroutine, which may be one of
// Pebble's own: the image is broken, and Pebble returns an error.
func (l logger) Fatalf(format string, args ...any) { l.image.blame(fmt.Errorf(format, args...)) }

// events hears of blocks whose checksum does not fit.
func (i *Image) events() *pebble.EventListener {
	return &pebble.EventListener{DataCorruption: func(info pebble.DataCorruptionInfo) { i.blame(fmt.Errorf("%s: %w", info.Path, info.Details)) }}
}
