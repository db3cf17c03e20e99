package delta

import (
	"context"
	"errors"
	"slices"
	"sort"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// ClassExists is the class of the error of creating a table that is there.
const ClassExists = "DELTA_TABLE_ALREADY_EXISTS"

// CreateOptions describe a table to be.
type CreateOptions struct {
	Schema      *batch.Schema // names, types, NOT NULL, comments, metadata
	PartitionBy []string      // columns of Schema
	Name        string
	Description string
	Properties  map[string]string // delta.* ones must be known; others are kept as they are

	// Domains lets the table hold domainMetadata, which a flow's ledger needs:
	// reader 1, writer 7 instead of reader 1, writer 2.
	Domains bool

	Commit Commit // its Adds, Txns and Domains become part of version 0; Operation "" is CREATE TABLE
}

// Check refuses what no table can be, wherever it is to be made.
func (c *CreateOptions) Check() error {
	t := &Table{o: Options{}.withDefaults()}
	_, _, err := t.describe(c)
	return err
}

// Create makes the table at the root of the store with the lowest protocol that serves
// it, and returns it. If there is a table already, the error has the class
// ClassExists and wraps objstore.ErrExists.
func Create(ctx context.Context, s objstore.Store, c CreateOptions, o Options) (*Table, error) {
	t := Open(s, o)
	meta, protocol, err := t.describe(&c)
	if err != nil {
		return nil, t.at(err, -1)
	}
	if _, err := t.log.Segment(ctx, -1, nil); err == nil {
		return nil, t.exists()
	} else if f := (*supervision.Failure)(nil); !errors.As(err, &f) || f.Class != log.ClassNotFound {
		if errors.As(err, &f) && !errors.Is(err, objstore.ErrUnusable) {
			return nil, t.exists() // a broken log is a table too
		}
		return nil, err
	}
	first := c.Commit
	if first.TxnID == "" {
		if first.TxnID, err = t.newID(); err != nil {
			return nil, err
		}
	}
	if first.Operation == "" {
		first.Operation, first.Parameters = "CREATE TABLE", createParameters(&c)
	}
	blind := true
	info := &log.CommitInfo{Timestamp: t.o.Now().UnixMilli(), Operation: first.Operation, Parameters: first.Parameters,
		Metrics: first.Metrics, IsolationLevel: "Serializable", IsBlindAppend: &blind, UserMetadata: first.UserMetadata,
		EngineInfo: t.o.Engine, TxnID: first.TxnID}
	if inCommit(meta) {
		info.InCommitTimestamp = &info.Timestamp
	}
	version := &log.Commit{Info: info, Protocol: protocol, Metadata: meta, Txns: first.Txns, Domains: first.Domains, Adds: first.Adds}
	if err := t.number(version, &Head{Version: -1}); err != nil {
		return nil, err
	}
	text := version.Encode(nil)
	if err := t.put(ctx, &first, 0, text); err != nil {
		if !errors.Is(err, objstore.ErrExists) {
			return nil, err
		}
		own := false
		if err := t.log.Commit(ctx, 0, log.KindCommitInfo, func(a *log.Action) error {
			own = own || a.CommitInfo.TxnID == first.TxnID
			return nil
		}); err != nil {
			return nil, err
		}
		if !own {
			return nil, t.exists()
		}
		if err := t.Sync(ctx); err != nil {
			return nil, err
		}
	}
	head, err := t.reload(ctx)
	if err == nil && head.Version == 0 {
		t.withTotal(head, (&log.Total{}).After(first.Adds, nil))
	}
	return t, err
}

func (t *Table) exists() error {
	f := t.failure(supervision.Fatal, ClassExists, -1, "there is a Delta table already: %w", objstore.ErrExists)
	f.Hint = "append to it, or choose another path"
	return f
}

// describe makes metadata and protocol of version 0.
func (t *Table) describe(c *CreateOptions) (*log.Metadata, *log.Protocol, error) {
	if c.Schema == nil || len(c.Schema.Fields) == 0 {
		return nil, nil, supervision.New(supervision.Fatal, "DELTA_EMPTY_DATA", "a table needs at least one column")
	}
	if err := checkTypes(c.Schema.Fields, "", false); err != nil {
		return nil, nil, err
	}
	if err := checkPartition(c.Schema, c.PartitionBy); err != nil {
		return nil, nil, err
	}
	config, features, err := checkProperties(c.Properties)
	if err != nil {
		return nil, nil, err
	}
	schema := c.Schema
	if mode := config["delta.columnMapping.mode"]; mode == "" || mode == "none" {
		err = checkNames(schema.Fields, "")
	} else {
		schema, err = t.mapNew(schema, config)
	}
	if err != nil {
		return nil, nil, err
	}
	features = append(features, columnFeatures(schema)...)
	if err := t.nameRowColumns(config); err != nil {
		return nil, nil, err
	}
	if c.Domains || slices.Contains(features, "rowTracking") || slices.Contains(features, "clustering") {
		features = append(features, "domainMetadata")
	}
	id, err := t.newID()
	if err != nil {
		return nil, nil, err
	}
	created := t.o.Now().UnixMilli()
	meta := &log.Metadata{ID: id, Name: c.Name, Description: c.Description, Provider: "parquet",
		SchemaString: log.FormatSchema(schema), PartitionColumns: c.PartitionBy, Configuration: config, CreatedTime: &created}
	protocol := log.LowestProtocol(schema, features...)
	if err := log.CheckAppend(protocol, meta, schema); err != nil {
		return nil, nil, err
	}
	// What was written must be what is read back: metadata of fields may be anything.
	if back, err := log.ParseSchema(meta.SchemaString); err != nil || !back.Equal(schema) {
		return nil, nil, supervision.New(supervision.Fatal, "DELTA_INVALID_SCHEMA", "the schema (%s) cannot be stored: %v", schema, err)
	}
	r, err := newRules(&Head{Metadata: *meta, Schema: schema})
	if err != nil {
		return nil, nil, plainly(err)
	}
	if err := r.sound(); err != nil {
		return nil, nil, err
	}
	return meta, protocol, nil
}

// columnFeatures are the features that what columns say of themselves needs.
func columnFeatures(s *batch.Schema) []string {
	var needed []string
	for _, f := range s.Fields {
		meta, err := metadataOf(f)
		if err != nil {
			continue // it is said where it matters
		}
		for key, feature := range map[string]string{metaInvariant: "invariants", metaGenerated: "generatedColumns", metaDefault: "allowColumnDefaults", metaIdentityStart: "identityColumns"} {
			if meta[key] != nil {
				needed = append(needed, feature)
			}
		}
	}
	return needed
}

// createParameters are those of Spark's CREATE TABLE.
func createParameters(c *CreateOptions) []log.Parameter {
	var columns, properties []byte
	columns = append(columns, '[')
	for i, p := range c.PartitionBy {
		if i > 0 {
			columns = append(columns, ',')
		}
		columns = log.AppendString(columns, p)
	}
	columns = append(columns, ']')
	keys := make([]string, 0, len(c.Properties))
	for k := range c.Properties {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	properties = append(properties, '{')
	for i, k := range keys {
		if i > 0 {
			properties = append(properties, ',')
		}
		properties = log.AppendString(append(log.AppendString(properties, k), ':'), c.Properties[k])
	}
	properties = append(properties, '}')
	description := log.Parameter{Name: "description", Value: "null"}
	if c.Description != "" {
		description = StringParameter("description", c.Description)
	}
	return []log.Parameter{StringParameter("partitionBy", string(columns)), StringParameter("clusterBy", "[]"), description,
		StringParameter("isManaged", "false"), StringParameter("properties", string(properties))}
}

// checkNames refuses what Parquet and other readers cannot hold without column mapping.
func checkNames(fields []batch.Field, path string) error {
	seen := map[string]string{}
	for _, f := range fields {
		lower := strings.ToLower(f.Name)
		if other, twice := seen[lower]; twice {
			return supervision.New(supervision.Fatal, "DELTA_DUPLICATE_COLUMNS_FOUND", "columns %s%s and %s%s differ in letter case at most", path, other, path, f.Name)
		}
		seen[lower] = f.Name
		if f.Name == "" || strings.ContainsAny(f.Name, " ,;{}()\n\t=") {
			e := supervision.New(supervision.Fatal, "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAME",
				"the column name %q is empty or holds one of: space , ; { } ( ) newline tab =", path+f.Name)
			e.Hint = "give the column another name (AS), or the table column mapping: delta.columnMapping.mode=name"
			return e
		}
		sub := path + f.Name + "."
		if err := checkNested(f.Type, sub, checkNames); err != nil {
			return err
		}
	}
	return nil
}

// checkNested applies check to the structs within a type.
func checkNested(t batch.Type, path string, check func([]batch.Field, string) error) error {
	switch t.Kind {
	case batch.Struct:
		return check(t.Fields, path)
	case batch.Array, batch.Map:
		for _, f := range t.Fields {
			if err := checkNested(f.Type, path+f.Name+".", check); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkTypes refuses void columns, which no file can hold, and types that other readers
// do not know.
func checkTypes(fields []batch.Field, path string, nested bool) error {
	for _, f := range fields {
		switch f.Type.Kind {
		case batch.Void:
			return supervision.New(supervision.Fatal, "DELTA_NULL_SCHEMA_IN_STREAMING_WRITE", "the column %s%s is of type void: cast it to the type it shall have", path, f.Name)
		case batch.Invalid:
			return supervision.New(supervision.Fatal, "DELTA_INVALID_SCHEMA", "the column %s%s has no type", path, f.Name)
		case batch.Variant:
			return supervision.New(supervision.Fatal, log.ClassWrite, "the column %s%s is of type variant, which tables made here cannot have yet", path, f.Name)
		case batch.Struct:
			if len(f.Type.Fields) == 0 {
				return supervision.New(supervision.Fatal, "DELTA_INVALID_SCHEMA", "the column %s%s is a struct without fields", path, f.Name)
			}
		}
		if err := checkTypes(f.Type.Fields, path+f.Name+".", true); err != nil {
			return err
		}
	}
	return nil
}

func checkPartition(s *batch.Schema, columns []string) error {
	for i, c := range columns {
		at := s.Index(c)
		switch {
		case at < 0:
			return supervision.New(supervision.Fatal, "DELTA_PARTITION_COLUMN_NOT_FOUND", "the partition column %s is not in the schema (%s)", c, s)
		case s.Fields[at].Type.Nested():
			return supervision.New(supervision.Fatal, "DELTA_INVALID_PARTITION_COLUMN_TYPE", "the partition column %s is of type %s; use a simple type", c, s.Fields[at].Type)
		case s.Fields[at].Type.Kind == batch.YearMonth || s.Fields[at].Type.Kind == batch.DayTime:
			return supervision.New(supervision.Fatal, "DELTA_INVALID_PARTITION_COLUMN_TYPE", "the partition column %s is an interval; use another type", c)
		case slices.Contains(columns[:i], c):
			return supervision.New(supervision.Fatal, "DELTA_DUPLICATE_COLUMNS_FOUND", "the partition column %s is named twice", c)
		}
	}
	if len(columns) == len(s.Fields) {
		return supervision.New(supervision.Fatal, "DELTA_CANNOT_USE_ALL_COLUMNS_FOR_PARTITION", "all columns are partition columns; the data files would have none")
	}
	return nil
}
