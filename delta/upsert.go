package delta

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// upserts is what a sink in update mode keeps: where change rows wait for their epoch to be decided, and
// where the row of each key is.
type upserts struct {
	t       *Table
	keys    []string      // as the table spells them
	rows    *batch.Schema // of the flow
	objects objstore.Store
	prefix  string // in objects
	pool    *batch.Pool
	options WriterOptions
	index   keyIndex
	swept   int64 // the attempt whose predecessors' files were collected
}

// Classes of failures of the keys of a sink.
const (
	ClassKeysMissing = "DELTAIC_SINK_KEYS_MISSING"
	ClassKeysInvalid = "DELTAIC_SINK_KEYS_INVALID"
	ClassKeysChanged = "DELTAIC_SINK_KEYS_CHANGED"
)

// checkKeys refuses keys by which rows cannot be told apart, and returns them as the table spells them.
func (s *Sink) checkKeys(t *Table, head *Head, rows *batch.Schema) ([]string, error) {
	fail := func(class, hint, text string, args ...any) ([]string, error) {
		f := t.failure(supervision.Fatal, class, head.Version, text, args...)
		f.Hint = hint
		return nil, f
	}
	if len(s.o.Keys) == 0 {
		return fail(ClassKeysMissing, "name the columns that identify a row: keys: [...] (in Go: delta.SinkOptions.Keys)", "output mode update replaces rows by key, and the sink names no keys")
	}
	if c := head.Metadata.Configuration; tracksRows(head) && (c[rowIDColumn] == "" || c[rowVersionColumn] == "") {
		return fail(log.ClassWrite, "set the property anew with the engine that made the table",
			"the table's property %s asks that rows which move keep their numbers, and %s or %s does not say where", rowTrackingEnabled, rowIDColumn, rowVersionColumn)
	}
	var keys []string
	for _, k := range s.o.Keys {
		at, in := indexOf(head.Schema, k), indexOf(rows, k)
		switch {
		case at < 0 || in < 0:
			return fail(ClassKeysInvalid, "name columns of the rows", "the key %s is not a column of the rows (%s) and of the table (%s)", k, rows, head.Schema)
		case slices.Contains(keys, head.Schema.Fields[at].Name):
			return fail(ClassKeysInvalid, "name it once", "the key %s comes twice", k)
		}
		if f := head.Schema.Fields[at]; !identifies(f.Type) {
			return fail(ClassKeysInvalid, "cast it to a string", "the key %s is a %s, which has no order", k, f.Type)
		}
		keys = append(keys, head.Schema.Fields[at].Name)
	}
	return keys, nil
}

func identifies(t batch.Type) bool {
	if t.Kind == batch.Map || t.Kind == batch.Variant || t.Kind == batch.Void {
		return false
	}
	return !slices.ContainsFunc(t.Fields, func(f batch.Field) bool { return !identifies(f.Type) })
}

// keysFile is the file that fixes the keys at the flow's first start: others would leave rows that no change reaches.
type keysFile struct {
	Format int      `json:"format"`
	Table  string   `json:"table"`
	Keys   []string `json:"keys"`
}

const keysFormat = 1

func (u *upserts) fixKeys(ctx context.Context, head *Head, incarnation string) error {
	name := u.prefix + "keys-" + incarnation + ".json"
	data, err := json.Marshal(keysFile{Format: keysFormat, Table: head.Metadata.ID, Keys: u.keys})
	if err != nil {
		return err
	}
	if err = u.objects.PutIfAbsent(ctx, name, data); err == nil || !errors.Is(err, objstore.ErrExists) {
		return err
	}
	known, err := u.objects.Get(ctx, name, 1<<20)
	if err != nil {
		return err
	}
	fail := func(class, hint, text string, args ...any) error {
		f := supervision.New(supervision.Fatal, class, text, args...)
		f.Path, f.Hint = u.objects.URI()+"/"+name, hint
		return f
	}
	var k keysFile
	switch err := json.Unmarshal(known, &k); {
	case err != nil:
		return fail("CHECKPOINT_CORRUPT", "restore the checkpoint location from a copy", "the file is not readable: %w", err)
	case k.Format > keysFormat:
		return fail("FORMAT_TOO_NEW", "use the version of deltaic that wrote it, or a later one", "the file has format %d; this build knows formats up to %d", k.Format, keysFormat)
	case k.Table == head.Metadata.ID && !slices.Equal(k.Keys, u.keys):
		return fail(ClassKeysChanged, "keep the keys, or write to another table", "the flow has written the table %s by the keys %q since its first start; it cannot go on by %q", u.t.URI(), k.Keys, u.keys)
	}
	return nil
}

// writer opens a share.
func (u *upserts) writer(ctx context.Context, head *Head, share connectors.Share) (connectors.Writer, error) {
	if err := u.fixKeys(ctx, head, share.Incarnation); err != nil {
		return nil, err
	}
	if u.options.Account == nil {
		u.pool, u.options.Pool, u.options.Account, u.index.pool, u.index.account = share.Pool, share.Pool, share.Account, share.Pool, share.Account
	}
	rules, f, err := u.fit(head)
	if err != nil {
		return nil, err
	}
	w := &upsertWriter{Share: staged.NewShare(share, u.objects, u.prefix+"staged/", u.rows), t: u.t, head: head, fit: f, rules: rules, keys: u.keys}
	for _, k := range u.keys {
		w.columns = append(w.columns, indexOf(u.rows, k))
	}
	return w, nil
}

// upsertEpoch is the commit of one epoch: its changes are read once, and applied to the newest
// version as often as another writer is faster and meets a row of them.
type upsertEpoch struct {
	u       *upserts
	files   []staged.File
	changes []*batch.Batch
	schema  *batch.Schema // of changes

	made  *rewrite // the last plan
	times int      // the index had been made anew
}

// plan makes the files that the epoch adds and removes.
func (e *upsertEpoch) plan(ctx context.Context, newest *Head, c *Commit) error {
	if err := e.u.index.follow(ctx, newest); err != nil {
		return err
	}
	if err := e.load(ctx, newest); err != nil {
		return err
	}
	r, err := e.find(newest)
	if err != nil || e.stands(r) {
		return err
	}
	if c.Adds, err = r.run(ctx, e.u.options); err != nil {
		return err
	}
	e.made, e.times = r, e.u.index.times
	e.say(c)
	return nil
}

// load reads the epoch's changes, unless they are there.
func (e *upsertEpoch) load(ctx context.Context, head *Head) (err error) {
	if e.schema != nil && (e.schema == head.Schema || e.schema.Equal(head.Schema)) {
		return nil
	}
	e.release()
	e.schema = head.Schema
	e.changes, err = e.u.changes(ctx, e.files, head)
	return err
}

// release gives back the changes; e may be nil.
func (e *upsertEpoch) release() {
	if e == nil {
		return
	}
	for _, b := range e.changes {
		b.Release()
	}
	e.changes, e.schema, e.made = nil, nil, nil
}

// find asks the index for the rows that the changes meet.
func (e *upsertEpoch) find(head *Head) (*rewrite, error) {
	r := &rewrite{t: e.u.t, head: head, index: &e.u.index, changes: e.changes}
	columns := make([]int, len(e.u.keys))
	for i, k := range e.u.keys {
		columns[i] = indexOf(head.Schema, k)
	}
	for i, b := range e.changes {
		keys := &batch.Batch{N: b.N}
		for _, c := range columns {
			keys.Columns = append(keys.Columns, b.Columns[c])
		}
		last := -1
		err := e.u.index.find(keys, func(row int, file, at uint32) {
			h := hit{file: file, row: at, change: spot{uint32(i), uint32(row)}}
			if h.with = b.Kinds[row] == batch.Insert && row != last; h.with {
				r.updated++
			} else {
				r.deleted++
			}
			last = row
			r.hits = append(r.hits, h)
		}, func(row int) {
			if b.Kinds[row] == batch.Insert {
				r.fresh = append(r.fresh, spot{uint32(i), uint32(row)})
			}
		})
		if err != nil {
			return nil, err
		}
	}
	r.order()
	return r, nil
}

// stands reports whether the files made for an older version are right for this one: nothing that they
// replace has gone, and nothing that they should replace has come.
func (e *upsertEpoch) stands(r *rewrite) bool {
	old := e.made
	if old == nil || e.times != e.u.index.times || !old.head.Metadata.Equal(&r.head.Metadata) {
		return false
	}
	for i, id := range old.gone {
		if f := &e.u.index.files[id]; !f.live || fileKey(&f.add) != fileKey(&old.were[i]) {
			return false
		}
	}
	return slices.Equal(old.hits, r.hits) && slices.Equal(old.fresh, r.fresh)
}

// say fills in the files that go and what the log says of the epoch.
func (e *upsertEpoch) say(c *Commit) {
	r := e.made
	var removed int64
	c.Changes = r.changed
	c.Removes = nil
	for i := range r.were {
		c.Removes = append(c.Removes, e.u.t.remove(&r.were[i]))
		removed += r.were[i].Size
	}
	vectors := map[bool]int64{} // those that come instead of others, and those that come
	for _, m := range r.marked {
		f := &e.u.index.files[m.file]
		removed -= f.add.Size
		vectors[f.gone != nil]++
	}
	inserted := int64(len(r.fresh))
	for _, m := range []struct {
		name string
		n    int64
	}{{"numOutputRows", inserted + r.updated + r.copied}, {"numOutputBytes", r.written}, {"numAddedFiles", int64(len(c.Adds) - len(r.marked))},
		{"numRemovedFiles", int64(len(r.gone) - len(r.marked))}, {"numRemovedBytes", removed}, {"numTargetRowsInserted", inserted},
		{"numTargetRowsUpdated", r.updated}, {"numTargetRowsDeleted", r.deleted}, {"numTargetRowsCopied", r.copied}} {
		setMetric(c, m.name, m.n)
	}
	if len(r.changed) > 0 {
		setMetric(c, "numTargetChangeFilesAdded", int64(len(r.changed)))
	}
	if r.vectors {
		setMetric(c, "numTargetDeletionVectorsAdded", vectors[false]+vectors[true])
		setMetric(c, "numTargetDeletionVectorsUpdated", vectors[true])
	}
}

// bindKeys gets a sink ready for update mode.
func (s *Sink) bindKeys(t *Table, head *Head, rows *batch.Schema, m connectors.OutputMode) error {
	if m != connectors.Update {
		if len(s.o.Keys) == 0 {
			return nil
		}
		f := t.failure(supervision.Fatal, ClassKeysInvalid, head.Version, "the sink names the keys %q, and output mode %s replaces no rows by key", s.o.Keys, m)
		f.Hint = "leave the keys out, or use output mode update"
		return f
	}
	keys, err := s.checkKeys(t, head, rows)
	if err != nil {
		return err
	}
	s.commits.Lock()
	defer s.commits.Unlock()
	if s.upserts != nil {
		s.upserts.index.release()
	}
	s.upserts = s.newUpserts(t, keys, rows)
	return nil
}

// prepares says what shares have prepared: change rows by these keys, or files. A sink of [Sink.ByKeys] and the one that it was made of commit
// each other's epochs.
func prepares(c connectors.Commit) (keys []string, byKey, files bool) {
	for _, p := range c.Prepared {
		var d stagedData
		switch {
		case len(p.Data) == 0 || string(p.Data) == "null":
		case json.Unmarshal(p.Data, &d) == nil && d.Staged.Name != "":
			keys, byKey = d.Keys, true
		default:
			files = len(p.Data) > 0 && p.Data[0] == '['
		}
	}
	return keys, byKey, files
}

// upsertsBy returns what commits change rows by key: the sink's own in update mode, else one for this epoch alone.
func (s *Sink) upsertsBy(keys []string) *upserts {
	if s.mode == connectors.Update {
		return s.upserts
	}
	return s.newUpserts(s.table, keys, s.rows)
}

func (s *Sink) newUpserts(t *Table, keys []string, rows *batch.Schema) *upserts {
	u := &upserts{t: t, keys: keys, rows: rows, objects: s.objects, prefix: s.prefix, pool: s.o.Table.Pool, options: s.o.Writer}
	u.options.Pool, u.options.Account = u.pool, nil
	if u.objects == nil {
		u.objects, u.prefix = t.Store(), "_deltaic/"
	}
	u.index = keyIndex{t: t, keys: keys, small: smallFiles, pool: u.pool}
	return u
}

// epoch returns the commit of an epoch that is still to be planned.
func (u *upserts) epoch(c connectors.Commit) (*upsertEpoch, error) {
	files, err := stagedFiles(c.Prepared)
	if err != nil {
		return nil, err
	}
	return &upsertEpoch{u: u, files: files}, nil
}

// count says what was written, where files that come again with other rows gone are among those added.
func (e *upsertEpoch) count(out *connectors.Committed) {
	if e == nil || e.made == nil {
		return
	}
	out.Files -= len(e.made.marked)
	out.Removed -= len(e.made.marked)
	out.Bytes = e.made.written
}

// done removes the rows that were staged for an epoch that is in the table now, and those that earlier attempts left
// behind. What cannot be removed costs room and nothing else. It returns the number of keys changed.
func (e *upsertEpoch) done(ctx context.Context, c connectors.Commit) int64 {
	if e == nil {
		return 0
	}
	for _, f := range e.files {
		_ = e.u.objects.Delete(ctx, f.Name)
	}
	if e.u.swept < c.Attempt {
		_ = staged.Collect(ctx, e.u.objects, staged.Folder(e.u.prefix+"staged/", c.Incarnation), c.Attempt, nil)
		e.u.swept = c.Attempt
	}
	if e.made == nil {
		return 0
	}
	return int64(len(e.made.fresh)) + e.made.updated + e.made.deleted
}
