package delta

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/supervision"
)

// schemaLog keeps the columns that a stream has read a table with, oldest first, in the form of Spark: so a stream that begins again has its columns
// as they were where it stands, whatever has become of the table's.
type schemaLog struct {
	store  objstore.Store
	folder string // of its entries, numbered from 0
	known  []schemaEntry
}

// schemaEntry is one entry.
type schemaEntry struct {
	head *Head // version, columns and properties
	text schemaEntryText
}

// schemaEntryText is an entry's JSON; the names are Spark's.
type schemaEntryText struct {
	Table         string            `json:"tableId"`
	Version       int64             `json:"deltaCommitVersion"`
	Schema        string            `json:"dataSchemaJson"`
	Partitions    string            `json:"partitionSchemaJson"`
	Place         string            `json:"sourceMetadataPath"`
	Configuration map[string]string `json:"tableConfigurations"`
	Protocol      string            `json:"protocolJson,omitempty"`
	Previous      *int              `json:"previousMetadataSeqNum,omitempty"`
}

const (
	schemaLogForm  = "v1"     // the first line of an entry
	schemaLogBytes = 64 << 20 // an entry at most
)

// openSchemaLog reads the newest two entries that there are.
func openSchemaLog(ctx context.Context, o *SourceOptions, table string) (*schemaLog, error) {
	store, err := location.Open(o.SchemaLog)
	if err != nil {
		return nil, err
	}
	l := &schemaLog{store: store, folder: "_schema_log_" + table}
	if o.SchemaLogID != "" {
		l.folder += "_" + o.SchemaLogID
	}
	entries := 0
	for ; ; entries++ {
		_, err := store.Head(ctx, l.name(entries))
		if errors.Is(err, objstore.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	l.known = make([]schemaEntry, entries)
	for i := max(entries-2, 0); i < entries; i++ {
		if l.known[i], err = l.read(ctx, i, table); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *schemaLog) name(i int) string { return l.folder + "/" + strconv.Itoa(i) }

// read reads an entry.
func (l *schemaLog) read(ctx context.Context, i int, table string) (e schemaEntry, err error) {
	text, err := l.store.Get(ctx, l.name(i), schemaLogBytes)
	if err != nil {
		return e, err
	}
	broken := func(why string) error {
		return &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_STREAMING_SCHEMA_LOG_DESERIALIZE_FAILED", Path: l.store.URI() + "/" + l.name(i),
			Message: "the entry of the schema log cannot be read: " + why, Hint: "schemaTrackingLocation names a folder that only this stream writes to; with another folder the log begins anew where the stream stands"}
	}
	form, rest, _ := bytes.Cut(text, []byte("\n"))
	if string(form) != schemaLogForm {
		return e, broken(fmt.Sprintf("its form is %.20q, and only %s is known", form, schemaLogForm))
	}
	if err := json.Unmarshal(rest, &e.text); err != nil {
		return e, broken(err.Error())
	}
	if e.text.Table != table {
		return e, broken("it is of the table " + e.text.Table)
	}
	h := &Head{Version: e.text.Version, Metadata: log.Metadata{ID: table, Provider: "parquet", SchemaString: e.text.Schema, Configuration: e.text.Configuration}}
	if h.Schema, err = log.ParseSchema(e.text.Schema); err != nil {
		return e, broken(err.Error())
	}
	partitions, err := log.ParseSchema(e.text.Partitions)
	if err != nil {
		return e, broken(err.Error())
	}
	for _, f := range partitions.Fields {
		h.Metadata.PartitionColumns = append(h.Metadata.PartitionColumns, f.Name)
	}
	e.head = h
	return e, nil
}

// newest returns the columns of the last entry, nil if there is none.
func (l *schemaLog) newest() *Head {
	if len(l.known) == 0 {
		return nil
	}
	return l.known[len(l.known)-1].head
}

// append adds the columns of a version, unless they are there.
func (l *schemaLog) append(ctx context.Context, h *Head) error {
	if now := l.newest(); now != nil && now.Version >= h.Version {
		return nil
	}
	partitions := &batch.Schema{}
	for _, name := range h.Metadata.PartitionColumns {
		if at := h.Schema.IndexFold(name); at >= 0 {
			partitions.Fields = append(partitions.Fields, h.Schema.Fields[at])
		}
	}
	at := len(l.known)
	e := schemaEntryText{Table: h.Metadata.ID, Version: h.Version, Schema: h.Metadata.SchemaString, Partitions: log.FormatSchema(partitions),
		Place: l.store.URI() + "/" + l.folder, Configuration: h.Metadata.Configuration}
	if at > 0 {
		before := at - 1
		e.Previous = &before
	}
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	err = l.store.PutIfAbsent(ctx, l.name(at), append([]byte(schemaLogForm+"\n"), text...))
	if errors.Is(err, objstore.ErrExists) || errors.Is(err, objstore.ErrUnknown) {
		written, e := l.read(ctx, at, h.Metadata.ID)
		if e != nil {
			return errors.Join(err, e)
		}
		if written.head.Version != h.Version {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "DELTA_STREAMING_SCHEMA_LOCATION_CONFLICT", Path: l.store.URI() + "/" + l.name(at),
				Message: fmt.Sprintf("another stream writes the schema log: its entry %d is of version %d, not of %d", at, written.head.Version, h.Version),
				Hint:    "give each stream of a table a streamingSourceTrackingId of its own"}
		}
		err = nil
	}
	if err != nil {
		return err
	}
	l.known = append(l.known, schemaEntry{head: h, text: e})
	return nil
}

// acknowledged says which option is missing for going on with the columns of a version that a change has led to, "" if none is.
func (o *SourceOptions) acknowledged(c *columnChanges, version int64) (missing []string) {
	for _, kind := range []struct {
		changed []string
		said    string
		option  string
	}{
		{c.renamed, o.AllowRename, "allowSourceColumnRename"},
		{c.dropped, o.AllowDrop, "allowSourceColumnDrop"},
		{c.retyped, o.AllowTypeChange, "allowSourceColumnTypeChange"},
	} {
		if len(kind.changed) > 0 && !strings.EqualFold(kind.said, "always") && kind.said != strconv.FormatInt(version, 10) {
			missing = append(missing, fmt.Sprintf("%s: %q", kind.option, strconv.FormatInt(version, 10)))
		}
	}
	return missing
}

// acknowledge refuses to go on behind a change of columns that nobody has acknowledged, as long as nothing behind it was read.
func (s *Source) acknowledge(p sourcePosition) error {
	n := len(s.schemas.known)
	if n < 2 {
		return nil
	}
	before, now := s.schemas.known[n-2].head, s.schemas.known[n-1].head
	if p.Version > now.Version || p.Version == now.Version && (p.Index > 0 || p.Row > 0) {
		return nil
	}
	c := changedColumns(before, now)
	missing := s.o.acknowledged(c, now.Version)
	if len(missing) == 0 {
		return nil
	}
	f := s.failure("DELTA_STREAMING_CANNOT_CONTINUE_PROCESSING_POST_SCHEMA_EVOLUTION", now.Version, "version %d changed the table's columns, and nobody has acknowledged it: %s", now.Version, c)
	f.Hint = "change the flow where it names such columns, then set " + strings.Join(missing, " and ") + `; "always" acknowledges what comes as well`
	return f
}
