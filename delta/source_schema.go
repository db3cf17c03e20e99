package delta

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// ErrColumnsAdded says that a version has other columns than the stream, and that a flow that is planned anew goes on with them.
var ErrColumnsAdded = errors.New("the table has other columns now, which hold what was before")

// columnChanges are what a version made of the columns of one before.
type columnChanges struct {
	added, renamed, dropped, retyped []string // column by column, for people
}

func (c *columnChanges) String() string {
	all := append(append(append(append([]string(nil), c.renamed...), c.dropped...), c.retyped...), c.added...)
	return strings.Join(all, ", ")
}

// changedColumns compares the columns of two versions. By what a column is known when it is renamed is told by the later one's column mapping.
func changedColumns(old, now *Head) *columnChanges {
	c := &columnChanges{}
	m, err := mappingOf(&now.Metadata)
	if err == nil {
		c.fields(m, old.Schema.Fields, now.Schema.Fields, "")
	}
	return c
}

func (c *columnChanges) fields(m mapping, old, now []batch.Field, path string) {
	byName := make(map[string]batch.Field, len(now))
	for _, f := range now {
		byName[strings.ToLower(m.identity(f))] = f
	}
	for _, f := range old {
		id := strings.ToLower(m.identity(f))
		n, there := byName[id]
		if !there {
			c.dropped = append(c.dropped, "column "+path+f.Name+" was dropped")
			continue
		}
		delete(byName, id)
		if m != mappingNone && n.Name != f.Name {
			c.renamed = append(c.renamed, "column "+path+f.Name+" was renamed to "+n.Name)
		}
		c.types(m, f.Type, n.Type, path+f.Name)
	}
	for _, f := range now {
		if _, new := byName[strings.ToLower(m.identity(f))]; new {
			c.added = append(c.added, "column "+path+f.Name+" was added")
		}
	}
}

func (c *columnChanges) types(m mapping, old, now batch.Type, path string) {
	switch {
	case old.Kind == now.Kind && old.Kind == batch.Struct:
		c.fields(m, old.Fields, now.Fields, path+".")
	case old.Kind == now.Kind && (old.Kind == batch.Array || old.Kind == batch.Map):
		for i := range old.Fields {
			c.types(m, old.Fields[i].Type, now.Fields[i].Type, path+"."+old.Fields[i].Name)
		}
	case !old.Equal(now):
		c.retyped = append(c.retyped, fmt.Sprintf("column %s is %s, not %s", path, now, old))
	}
}

// readable says why rows of a version cannot be read with the stream's columns, "" if they can. A version after those columns may have no
// others; one before them may lack some, and have fewer types, but no column under another name, and none that is gone since.
func (s *Source) readable(head *Head) string {
	why := readableAs(head, s.read, true)
	switch {
	case why != "":
		return why
	case head.Version > s.read.Version:
		return changedColumns(s.read, head).String()
	case head.Version < s.read.Version:
		since := changedColumns(head, s.read)
		return (&columnChanges{renamed: since.renamed, dropped: since.dropped}).String()
	}
	return ""
}

// changedSchema says that a version has columns with which the stream cannot go on as it is.
func (s *Source) changedSchema(head *Head, why string) *schemaEnd {
	if head.Version < s.read.Version {
		return &schemaEnd{error: s.outlived(head, why)}
	}
	c := changedColumns(s.read, head)
	f := s.failure("DELTA_SCHEMA_CHANGED_WITH_VERSION", head.Version, "version %d changed the table's columns: %s", head.Version, why)
	end := &schemaEnd{error: f}
	switch {
	case readableAs(s.read, head, true) != "":
		f.Hint = "no columns hold both the rows before the version and those after it: read the new ones with a new checkpoint location"
	case s.schemas != nil:
		f.Class, end.head = "DELTA_STREAMING_METADATA_EVOLUTION", head
		if missing := s.o.acknowledged(c, head.Version); len(missing) > 0 {
			f.Hint = "the schema log has the new columns. Change the flow where it names the old ones, set " + strings.Join(missing, " and ") + ", and start it again"
		} else {
			f.Hint, f.Cause = "the schema log has the new columns: start the flow again", ErrColumnsAdded
		}
	case len(c.renamed)+len(c.dropped) > 0:
		f.Class = "DELTA_STREAMING_INCOMPATIBLE_SCHEMA_CHANGE_USE_SCHEMA_LOG"
		f.Hint = "set schemaTrackingLocation to follow columns that are renamed or dropped; a flow that names them must be changed"
	default:
		f.Hint, f.Cause = "start the flow again: it goes on with the new columns", ErrColumnsAdded
	}
	return end
}

// outlived says that rows of a version are still to be read, and that the stream's columns, which are of a later one, cannot hold them.
func (s *Source) outlived(head *Head, why string) error {
	f := s.failure("DELTA_SCHEMA_CHANGED_WITH_VERSION", head.Version, "rows of version %d are still to be read, and the columns that the stream reads with, of version %d, cannot hold them: %s", head.Version, s.read.Version, why)
	c := changedColumns(head, s.read)
	switch {
	case s.schemas != nil:
		f.Class = "DELTA_STREAMING_SCHEMA_LOG_INIT_FAILED_INCOMPATIBLE_METADATA"
		f.Hint = "the schema log is ahead of the stream: set schemaTrackingLocation to another folder, in which it begins with the columns of where the stream stands"
	case len(c.renamed)+len(c.dropped) > 0:
		f.Class = "DELTA_STREAMING_INCOMPATIBLE_SCHEMA_CHANGE_USE_SCHEMA_LOG"
		f.Hint = "set schemaTrackingLocation: then the stream reads on with the columns of where it stands, and stops where they change; a flow that names such columns must be changed then"
	default:
		f.Hint = "no columns hold both the rows before the change and those after it: read the new ones with a new checkpoint location"
	}
	return f
}

// columnsWhere makes sure that the stream's columns can hold rows of the version with which it goes on. Where columns changed between
// that version and the newest is told when all before it is read.
func (s *Source) columnsWhere(ctx context.Context, p sourcePosition) error {
	if p.starting() || s.o.StartOnly || p.Version >= s.read.Version {
		return nil // what the table had at first is looked at when its files are listed
	}
	head, err := s.headFrom(ctx, p.Version)
	if err != nil || head == nil || head.Version >= s.read.Version {
		return err
	}
	if why := s.readable(head); why != "" {
		return s.changedSchema(head, why).error
	}
	return nil
}

// headFrom returns a version, or the first behind it that is known where data may be lost; nil if the version is gone, which is told when it is read.
func (s *Source) headFrom(ctx context.Context, version int64) (*Head, error) {
	_, err := s.table.Store().Head(ctx, log.CommitName(version))
	if err != nil && !errors.Is(err, objstore.ErrNotFound) {
		return nil, err
	}
	if err != nil && !s.o.AllowDataLoss {
		return nil, nil
	}
	first := version
	if oldest, err := s.table.log.Oldest(ctx); err != nil {
		return nil, err
	} else if oldest != nil {
		first = max(first, oldest.Version)
	}
	for v := first; ; v++ {
		head, err := s.table.log.HeadAt(ctx, v)
		if err == nil || supervision.KindOf(err) == supervision.Transient || ctx.Err() != nil {
			return head, err
		}
		if m, e := mappingOf(&s.read.Metadata); e == nil && m == mappingNone || v >= s.read.Version {
			return nil, nil // columns are known by their names, and rows that lack some have nulls
		}
		if !s.o.AllowDataLoss {
			f := s.failure("DELTA_STREAMING_CHECK_COLUMN_MAPPING_NO_SNAPSHOT", v, "the stream goes on with version %d, whose columns are not in the log any more: %s", v, err)
			f.Hint, f.Cause = "the table's columns may have been renamed or dropped since: begin with a new checkpoint location, or set failOnDataLoss to false", err
			return nil, f
		}
	}
}

// schemaEnd is the end of a stream at a version that has other columns, which the schema log is to have once all before is read.
type schemaEnd struct {
	error
	head *Head // nil: there is no log
}

func (e *schemaEnd) Unwrap() error { return e.error }

// ended returns why a stream ends at a version, all before which is read.
func (s *Source) ended(ctx context.Context, err error) error {
	var end *schemaEnd
	if !errors.As(err, &end) {
		return err
	}
	if end.head != nil {
		if err := s.schemas.append(ctx, end.head); err != nil {
			return err
		}
	}
	return end.error
}

// trackSchema takes the columns of the schema log, or those of where the stream will begin if there is none yet.
func (s *Source) trackSchema(ctx context.Context) (err error) {
	if s.schemas, err = openSchemaLog(ctx, &s.o, s.read.Metadata.ID); err != nil {
		return err
	}
	if h := s.schemas.newest(); h != nil {
		now := *h
		now.Protocol = s.read.Protocol
		s.read = &now
		return nil
	}
	version, err := s.startingVersion(ctx)
	if err != nil || version < 0 || version >= s.read.Version {
		return nil // a stream that has begun does not ask; others are told when they begin
	}
	if head, err := s.table.log.HeadAt(ctx, version); err == nil { // else the version can be streamed, but its columns are not known any more
		s.read = head
	}
	return nil
}

// beginTracking makes sure that the schema log says what the stream reads with, before it reads anything.
func (s *Source) beginTracking(ctx context.Context, p sourcePosition, known bool) error {
	if s.schemas == nil {
		return nil
	}
	if s.schemas.newest() != nil {
		return s.acknowledge(p)
	}
	if known { // the option is new to the stream, which stands somewhere
		version := p.Version - 1
		if p.starting() {
			version = p.First
		}
		head, err := s.table.log.HeadAt(ctx, max(version, 0))
		if err != nil {
			return s.lost(err, version)
		}
		if head.Metadata.SchemaString != s.read.Metadata.SchemaString {
			if err := s.schemas.append(ctx, head); err != nil {
				return err
			}
			f := s.failure("DELTA_STREAMING_METADATA_EVOLUTION", head.Version, "the schema log was begun with the columns of version %d, behind which the stream stands", head.Version)
			f.Hint = "start the flow again: it goes on with those columns"
			return f
		}
	}
	return s.schemas.append(ctx, s.read)
}
