package log

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
)

// A checkpoint of the second form keeps the sidecars of the one before whose files are all still there, so that its cost follows
// what is new; and so that they do not become many, small ones are made one when there are too many of them.
const (
	smallSidecar = 8 << 20 // bytes
	classicEvery = 64      // versions: one of these checkpoints has the classic name, so that programs which do not know the form say so
	hintSidecars = 30      // the hint names no more
	addsTag      = "numOfAddFiles"
	actionsTag   = "numOfActions"
)

// secondHint is what the hint says of a checkpoint of the second form.
type secondHint struct {
	path     string // name in the log's folder
	size     int64
	modified int64
	sidecars []Sidecar
}

func (h *secondHint) append(b []byte) []byte {
	o := begin(b)
	o.str("path", h.path)
	o.int("sizeInBytes", h.size)
	o.int("modificationTime", h.modified)
	if len(h.sidecars) <= hintSidecars {
		o.key("sidecarFiles")
		o.list(len(h.sidecars), func(i int, b []byte) []byte {
			c, s := begin(b), &h.sidecars[i]
			c.str("path", s.Path)
			c.int("sizeInBytes", s.Size)
			c.int("modificationTime", s.ModificationTime)
			return c.end()
		})
	}
	return o.end()
}

// secondWriter makes one checkpoint of the second form.
type secondWriter struct {
	l     *Log
	ctx   context.Context
	o     CheckpointOptions
	seg   *Segment
	seen  *fileSet // files of which the commits after the last checkpoint have a word
	blind bool     // and they only add files that nobody had

	kept    []Sidecar
	written []*sidecarFile
	open    map[bool]*sidecarFile // of files: true; of tombstones: false, which come and go
}

// sidecarFile is a sidecar that is being written, or has been.
type sidecarFile struct {
	*checkpointFile
	closed bool
}

// writeSecond writes the segment's version and verifies it. It returns the checkpoint's name and what the hint has to say of it.
func (l *Log) writeSecond(ctx context.Context, seg *Segment, head *Head, info *CheckpointInfo, o CheckpointOptions) (string, *secondHint, error) {
	w := &secondWriter{l: l, ctx: ctx, o: o, seg: seg, seen: newFileSet(), open: map[bool]*sidecarFile{}}
	defer w.discard()
	before, err := l.sidecarsOf(ctx, seg.Checkpoint)
	if err != nil {
		return "", nil, err
	}
	rewritten, err := w.news()
	if err != nil {
		return "", nil, err
	}
	if before == nil || rewritten {
		err = l.checkpoint(ctx, seg.Checkpoint, KindsFiles, w.old)
	} else {
		err = w.reuse(before)
	}
	if err != nil {
		return "", nil, err
	}
	for _, f := range w.open {
		if err := w.finish(f); err != nil {
			return "", nil, err
		}
	}
	name, err := w.name()
	if err != nil {
		return "", nil, err
	}
	hint, err := w.main(name, head, info)
	return name, hint, err // no hint: somebody else wrote it
}

// news writes what the commits after the last checkpoint say, and reports whether they make all sidecars differ.
func (w *secondWriter) news() (rewritten bool, err error) {
	w.blind = true
	said := 0
	err = w.l.newFiles(w.ctx, w.seg, w.seen, KindsFiles|KindCommitInfo|KindMetadata|KindProtocol, func(a *Action) error {
		switch {
		case a.CommitInfo != nil:
			if a.CommitInfo.IsBlindAppend != nil && *a.CommitInfo.IsBlindAppend {
				said++
			}
		case a.Metadata != nil, a.Protocol != nil:
			rewritten = true
		case a.Add != nil:
			w.blind = w.blind && a.Add.DataChange
			return w.put(storedAdd(a.Add))
		case a.Remove != nil:
			w.blind = false
			if !w.o.expired(a.Remove) {
				return w.put(storedRemove(a.Remove))
			}
		}
		return nil
	})
	w.blind = w.blind && said == len(w.seg.replay) // reconciled files do not say
	return rewritten, err
}

// old writes an action of the last checkpoint, if it is still true.
func (w *secondWriter) old(a *Action) error {
	switch {
	case w.seen.has(a):
	case a.Add != nil:
		return w.put(storedAdd(a.Add))
	case a.Remove != nil && !w.o.expired(a.Remove):
		return w.put(storedRemove(a.Remove))
	}
	return nil
}

// reuse keeps the sidecars of which every word is still true, and writes what is left of the others anew.
func (w *secondWriter) reuse(before []Sidecar) error {
	var anew, small []Sidecar
	for _, s := range before {
		fine, err := w.unchanged(&s)
		if err != nil {
			return &brokenError{w.seg.Checkpoint[0].Name, fmt.Errorf("its sidecars: %w", err)}
		}
		switch {
		case !fine:
			anew = append(anew, s)
		case s.Size < smallSidecar:
			small = append(small, s)
		default:
			w.kept = append(w.kept, s)
		}
	}
	if len(small) > w.o.SmallSidecars {
		anew = append(anew, small...)
	} else {
		w.kept = append(w.kept, small...)
	}
	var names []string
	for _, s := range anew {
		name, err := SidecarName(s.Path)
		if err != nil {
			return &brokenError{w.seg.Checkpoint[0].Name, err}
		}
		names = append(names, name)
	}
	if err := w.l.partsBeside(w.ctx, names, KindsFiles, w.old); err != nil {
		return brokenBy(w.seg.Checkpoint[0].Name, err)
	}
	return nil
}

// keyFields are what is read of a sidecar to see whether it can be kept.
var keyFields = []batch.Field{
	field("add", batch.StructType(field("path", batch.StringType), field("deletionVector", dvType))),
	field("remove", batch.StructType(field("path", batch.StringType), field("deletionTimestamp", batch.BigIntType), field("deletionVector", dvType))),
}

var errChanged = errors.New("the sidecar holds what is no longer so")

// unchanged reports whether all that a sidecar says is still so, and notes how many files it holds. After commits that only
// added files that nobody had it need not be read for that.
func (w *secondWriter) unchanged(s *Sidecar) (bool, error) {
	name, err := SidecarName(s.Path)
	if err != nil {
		return false, err
	}
	if counted(s) && w.blind {
		_, err := w.l.Store.Head(w.ctx, name)
		return true, err
	}
	adds, actions := int64(0), int64(0)
	err = w.l.partOf(w.ctx, name, keyFields, KindsFiles, func(a *Action) error {
		if actions++; a.Add != nil {
			adds++
		}
		if w.seen.has(a) || a.Remove != nil && w.o.expired(a.Remove) {
			return errChanged
		}
		return nil
	})
	if errors.Is(err, errChanged) {
		return false, nil
	}
	s.Tags = counts(adds, actions)
	return true, err
}

// counts are the tags of a sidecar that say how much is in it.
func counts(adds, actions int64) map[string]string {
	return map[string]string{addsTag: itoa(adds), actionsTag: itoa(actions)}
}

// counted reports whether a sidecar has them.
func counted(s *Sidecar) bool {
	_, e1 := strconv.ParseUint(s.Tags[addsTag], 10, 63)
	_, e2 := strconv.ParseUint(s.Tags[actionsTag], 10, 63)
	return e1 == nil && e2 == nil
}

// put adds a file or a tombstone to a new sidecar.
func (w *secondWriter) put(a *Action) error {
	f := w.open[a.Add != nil]
	if f == nil {
		id, err := w.o.NewID()
		if err != nil {
			return err
		}
		c, err := w.l.checkpointFile(w.ctx, fmt.Sprintf("%s%020d.%s.parquet", SidecarDir, w.seg.Version, id), sidecarSchema, &w.o)
		if err != nil {
			return err
		}
		f = &sidecarFile{checkpointFile: c}
		w.open[a.Add != nil], w.written = f, append(w.written, f)
	}
	if err := f.put(a); err != nil {
		return err
	}
	if f.actions < w.o.SidecarActions {
		return nil
	}
	delete(w.open, a.Add != nil)
	return w.finish(f)
}

// finish makes a sidecar durable and reads it back.
func (w *secondWriter) finish(f *sidecarFile) error {
	if err := f.close(); err != nil {
		return err
	}
	f.closed = true
	adds, _, err := w.l.countPart(w.ctx, f.name, nil)
	if err == nil && adds != f.adds {
		err = fmt.Errorf("it holds %d files; written were %d", adds, f.adds)
	}
	if err != nil {
		return &brokenError{f.name, err}
	}
	return nil
}

// discard gives back memory. Sidecars that no checkpoint names are for log clean-up.
func (w *secondWriter) discard() {
	for _, f := range w.written {
		f.discard()
	}
}

// name chooses the checkpoint's name.
func (w *secondWriter) name() (string, error) {
	if version := w.seg.Version; w.seg.CheckpointVersion() < 0 || version/classicEvery != w.seg.CheckpointVersion()/classicEvery {
		return CheckpointName(version), nil
	}
	id, err := w.o.NewID()
	return fmt.Sprintf("%s%020d.checkpoint.%s.parquet", Dir, w.seg.Version, id), err
}

// main writes the file that names the sidecars, and reads it back.
func (w *secondWriter) main(name string, head *Head, info *CheckpointInfo) (*secondHint, error) {
	hint := &secondHint{path: path.Base(name), sidecars: w.kept}
	for _, f := range w.written {
		stat, err := w.l.Store.Head(w.ctx, f.name)
		if err != nil {
			return nil, err
		}
		hint.sidecars = append(hint.sidecars, Sidecar{Path: path.Base(f.name), Size: stat.Size, ModificationTime: stat.ModTime.UnixMilli(),
			Tags: counts(f.adds, f.actions)})
	}
	for _, s := range hint.sidecars {
		adds, _ := strconv.ParseInt(s.Tags[addsTag], 10, 64)
		actions, _ := strconv.ParseInt(s.Tags[actionsTag], 10, 64)
		info.Adds, info.Actions, info.Bytes = info.Adds+adds, info.Actions+actions, info.Bytes+s.Size
	}
	f, err := w.l.checkpointFile(w.ctx, name, secondSchema, &w.o)
	if err != nil {
		return nil, err
	}
	defer f.discard()
	if err := f.put(&Action{Checkpoint: &CheckpointMetadata{Version: w.seg.Version, Tags: map[string]string{addsTag: itoa(info.Adds)}}}); err != nil {
		return nil, err
	}
	if err := headActions(head, w.o, f.put); err != nil {
		return nil, err
	}
	for i := range hint.sidecars {
		if err := f.put(&Action{Sidecar: &hint.sidecars[i]}); err != nil {
			return nil, err
		}
	}
	if err := f.close(); errors.Is(err, objstore.ErrExists) {
		*info = CheckpointInfo{Version: w.seg.Version}
		return nil, nil // another writer's is as good
	} else if err != nil {
		return nil, err
	}
	stat, err := w.l.Store.Head(w.ctx, name)
	if err != nil {
		return nil, err
	}
	hint.size, hint.modified = stat.Size, stat.ModTime.UnixMilli()
	info.Actions, info.Bytes = info.Actions+f.actions, info.Bytes+stat.Size
	return hint, w.l.verifyMain(w.ctx, name, len(hint.sidecars))
}

// verifyMain reads a checkpoint of the second form back, its sidecars left out.
func (l *Log) verifyMain(ctx context.Context, name string, sidecars int) error {
	var protocols, metadatas, named int
	err := l.part(ctx, name, KindsAll, func(a *Action) error {
		switch {
		case a.Protocol != nil:
			protocols++
		case a.Metadata != nil:
			metadatas++
		case a.Sidecar != nil:
			named++
		}
		return nil
	})
	if err == nil && (protocols != 1 || metadatas != 1 || named != sidecars) {
		err = fmt.Errorf("it holds %d protocols, %d metaData and %d sidecars; written were %d sidecars", protocols, metadatas, named, sidecars)
	}
	if err != nil {
		return brokenBy(name, err)
	}
	return nil
}

// sidecarsOf returns the sidecars of a checkpoint of the second form, nil if it is of another or holds files itself.
func (l *Log) sidecarsOf(ctx context.Context, parts []Object) ([]Sidecar, error) {
	if len(parts) != 1 {
		return nil, nil
	}
	sidecars, inline := []Sidecar(nil), false
	err := l.partOf(ctx, parts[0].Name, append(keyFields[:2:2], secondSchema.Fields[sidecarColumn]), KindsFiles|KindSidecar, func(a *Action) error {
		if a.Sidecar == nil {
			inline = true
			return errEnough
		}
		sidecars = append(sidecars, *a.Sidecar)
		return nil
	})
	if inline {
		return nil, nil
	}
	if err != nil {
		return nil, brokenBy(parts[0].Name, err)
	}
	return sidecars, nil
}
