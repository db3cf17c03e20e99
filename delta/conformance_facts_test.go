package delta_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// expectation is expect.json.
type expectation struct {
	Expectation string // rows and expected-parquet, log-only, must-fail, either and other
	Reason      string
	TableID     string `json:"table_id"`
	Protocol    *struct {
		MinReaderVersion, MinWriterVersion int
		ReaderFeatures, WriterFeatures     []string
	}
	Configuration    map[string]string
	PartitionColumns []string `json:"partition_columns"`
	Txn              map[string]int64
	Domains          map[string]string
	Schema           []struct {
		Name, Type string
		Nullable   bool
	}
	LiveFiles *int   `json:"live_files"`
	LiveBytes *int64 `json:"live_bytes"`
	Deleted   *int64 `json:"rows_deleted_by_dv"`
	Rows      *int64
	Digest    string `json:"rows_digest"`
	Missing   int    `json:"data_files_missing"`
	Log       struct {
		LatestVersion *int64 `json:"latest_version"`
		Commits       int
		Checkpoints   []struct {
			Version         int64
			Kind            string
			Parts, Sidecars int
			Adds            int64
		}
		CRC       []int64 `json:"crc_versions"`
		Compacted [][2]int64
		Hint      *int64 `json:"last_checkpoint_hint"`
	}
	Versions []expectedVersion
	RowIDs   [][]string       `json:"row_ids"` // the column id, the row's number and the version that wrote it
	CDF      *expectedChanges `json:"cdf"`
	Ranges   struct {
		Valid  [][2]int64
		Refuse [][2]int64 `json:"must_fail"`
	} `json:"cdf_ranges"`
}

type expectedVersion struct {
	Version     int64
	LiveFiles   *int `json:"live_files"`
	Rows        *int64
	Digest      string `json:"rows_digest"`
	Missing     int    `json:"data_files_missing"`
	Operation   string
	Unavailable bool // the log does not reach back to it
	Note        string
}

// hold compares all that is expected with what we read.
func (e *expectation) hold(table *delta.Table, v *verdict) {
	s, err := table.Snapshot(ctx)
	switch e.Expectation {
	case "must-fail":
		if v.find(err != nil, "it was read, though it must fail: %s", e.Reason); err != nil {
			e.refusal(err, v)
		}
		return
	case "either", "other":
		if err != nil {
			e.refusal(err, v)
			return
		}
		if e.Expectation == "other" && e.LiveFiles != nil {
			v.find(s.Len() == *e.LiveFiles, "%d live files, want %d", s.Len(), *e.LiveFiles)
			return
		}
	}
	if lacks(err, v) {
		return
	}
	if v.find(err == nil, "cannot be opened: %v", err); err != nil {
		return
	}
	e.state(s, v)
	e.rows(table, s, v)
	for i := range e.Versions {
		e.Versions[i].hold(table, s.Version, v)
	}
	e.history(table, v)
	e.numbers(s, v)
	e.changes(table, v)
	if e.Log.LatestVersion != nil {
		e.inventory(table, v)
	}
}

// inventory compares what lies in the log's folder.
func (e *expectation) inventory(table *delta.Table, v *verdict) {
	in, err := table.Log().Inventory(ctx, math.MaxInt)
	if v.find(err == nil, "its log cannot be listed: %v", err); err != nil {
		return
	}
	v.find(len(in.Commits) == e.Log.Commits, "%d commits, want %d", len(in.Commits), e.Log.Commits)
	v.find(slices.Equal(in.Checksums, e.Log.CRC), "checksums of %v, want %v", in.Checksums, e.Log.CRC)
	v.find(slices.Equal(in.Compacted, e.Log.Compacted), "reconciled commits %v, want %v", in.Compacted, e.Log.Compacted)
	v.find(number(in.Hint) == number(e.Log.Hint), "hint %s, want %s", number(in.Hint), number(e.Log.Hint))
	v.find(fmt.Sprint(in.Checkpoints) == fmt.Sprint(e.Log.Checkpoints), "checkpoints %v, want %v", in.Checkpoints, e.Log.Checkpoints)
}

// lacks notes the features for want of which something is refused, and reports whether that is the error.
func lacks(err error, v *verdict) bool {
	var f *supervision.Failure
	if !errors.As(err, &f) || f.Class != log.ClassRead {
		return false
	}
	if at := featureNames.FindAllString(f.Message, -1); len(at) > 0 {
		v.lacks = strings.Join(slices.Compact(at), ", ")
	} else {
		v.lacks = f.Message
	}
	return true
}

var featureNames = regexp.MustCompile(`\b(columnMapping|deletionVectors|v2Checkpoint|typeWidening(-preview)?|variantType(-preview)?|variantShredding(-preview)?|logCompaction)\b`)

// reasons are what the error must say for a reason given in words.
var reasons = []struct{ reason, says string }{
	{`no commit file at all`, log.ClassNotFound},
	{`(without|has no) metaData`, "metaData|schema"},
	{`not contiguous|missing (before|after|because)|are missing`, log.ClassNotContiguous},
	{`feature catalogOwned`, "catalogOwned"},
	{`feature catalogManaged`, "catalogManaged"},
	{`no schemaString|lacks schemaString`, "schema"},
	{`reader features variantType-preview`, "variant"},
	{`pretty-printed`, log.ClassBroken},
}

// refusal holds the error against the reason for which the table is to be refused.
func (e *expectation) refusal(err error, v *verdict) {
	v.refused = err
	var f *supervision.Failure
	v.find(errors.As(err, &f) && f.Class != "" && f.Path != "", "refused without saying what and where: %v", err)
	for _, r := range reasons {
		if regexp.MustCompile(r.reason).MatchString(e.Reason) {
			v.find(regexp.MustCompile(r.says).MatchString(err.Error()), "refused, and not because %s: %v", e.Reason, err)
			return
		}
	}
	v.find(false, "no rule says what an error must name because of %q: %v", e.Reason, err)
}

// state compares what the newest version is, without its rows.
func (e *expectation) state(s *delta.Snapshot, v *verdict) {
	if e.Log.LatestVersion != nil {
		v.find(s.Version == *e.Log.LatestVersion, "the newest version is %d, want %d", s.Version, *e.Log.LatestVersion)
	}
	if p := e.Protocol; p != nil {
		v.find(s.Protocol.MinReader == p.MinReaderVersion && s.Protocol.MinWriter == p.MinWriterVersion && sameSet(s.Protocol.ReaderFeatures, p.ReaderFeatures) &&
			sameSet(s.Protocol.WriterFeatures, p.WriterFeatures), "protocol %+v, want %+v", s.Protocol, *p)
	}
	if e.TableID != "" {
		v.find(s.Metadata.ID == e.TableID, "table id %s, want %s", s.Metadata.ID, e.TableID)
	}
	if e.Protocol != nil {
		v.find(maps.Equal(s.Metadata.Configuration, e.Configuration), "configuration %v, want %v", s.Metadata.Configuration, e.Configuration)
		v.find(slices.Equal(s.Metadata.PartitionColumns, e.PartitionColumns), "partition columns %v, want %v", s.Metadata.PartitionColumns, e.PartitionColumns)
	}
	if e.Schema != nil {
		var got, want []string
		for _, f := range s.Schema.Fields {
			got = append(got, fmt.Sprintf("%s %s %v", f.Name, log.TypeName(f.Type), f.Nullable))
		}
		for _, c := range e.Schema {
			want = append(want, fmt.Sprintf("%s %s %v", c.Name, c.Type, c.Nullable))
		}
		v.find(slices.Equal(got, want), "schema %q, want %q", got, want)
	}
	txns, domains, deleted := map[string]int64{}, map[string]string{}, int64(0)
	for app, t := range s.Txns {
		txns[app] = t.Version
	}
	for name, d := range s.Domains {
		domains[name] = d.Configuration
	}
	for _, f := range s.Files() {
		if f.DeletionVector != nil {
			deleted += f.DeletionVector.Cardinality
		}
	}
	v.find(e.Txn == nil || maps.Equal(txns, e.Txn), "txns %v, want %v", txns, e.Txn)
	v.find(e.Domains == nil || maps.Equal(domains, e.Domains), "domains %v, want %v", domains, e.Domains)
	v.find(e.Deleted == nil || deleted == *e.Deleted, "%d rows deleted by vectors, want %v", deleted, number(e.Deleted))
	if e.LiveFiles != nil {
		v.find(s.Len() == *e.LiveFiles, "%d live files, want %d", s.Len(), *e.LiveFiles)
	}
	if rows, known := s.Rows(); known && e.Rows != nil {
		v.find(rows == *e.Rows, "the statistics tell of %d rows, want %d", rows, *e.Rows)
	}
	if e.LiveBytes != nil {
		v.find(s.Bytes() == *e.LiveBytes, "%d live bytes, want %d", s.Bytes(), *e.LiveBytes)
	}
}

func number(n *int64) string {
	if n == nil {
		return "none"
	}
	return strconv.FormatInt(*n, 10)
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func (e *expectation) rows(table *delta.Table, s *delta.Snapshot, v *verdict) {
	if e.Expectation == "log-only" || e.Missing > 0 || e.Rows == nil {
		return
	}
	newest := expectedVersion{Version: s.Version, Rows: e.Rows, Digest: e.Digest}
	newest.rows(s, v)
}

// checksum compares a version with the checksum that its writer left beside the commit, as far as there is one.
func checksum(table *delta.Table, s *delta.Snapshot, v *verdict) {
	c, err := table.Log().Checksum(ctx, s.Version)
	if errors.Is(err, objstore.ErrNotFound) {
		return
	}
	if v.find(err == nil, "the checksum of version %d cannot be read: %v", s.Version, err); err != nil {
		return
	}
	v.find(c.Total == log.Total{Files: int64(s.Len()), Bytes: s.Bytes()}, "version %d has %d files of %d bytes, its checksum says %+v", s.Version, s.Len(), s.Bytes(), c.Total)
	if table.Log().Confirm(ctx, s.Version, c) != nil {
		return // it says less than an appender needs
	}
	txns, domains := map[string]log.Txn{}, map[string]log.Domain{}
	for _, t := range c.Txns {
		txns[t.AppID] = t
	}
	for _, d := range c.Domains {
		domains[d.Domain] = d
	}
	v.find(maps.Equal(domains, s.Domains) && fmt.Sprint(slices.Sorted(maps.Keys(txns))) == fmt.Sprint(slices.Sorted(maps.Keys(s.Txns))) && c.Metadata.Equal(&s.Metadata),
		"version %d is %+v, its checksum says %+v", s.Version, s.Head, c)
	by, err := delta.Open(table.Store(), delta.Options{}).Head(ctx)
	v.find(err == nil && (by.Version != s.Version || sameHead(by, s.Head)), "opened by its checksum it is %+v, replayed %+v: %v", by, s.Head, err)
}

// hold compares a version: its files, and its rows where they are known.
func (e *expectedVersion) hold(table *delta.Table, newest int64, v *verdict) {
	s, err := table.SnapshotAt(ctx, e.Version)
	if e.Unavailable {
		v.find(err != nil, "version %d was read, though the log does not reach back to it", e.Version)
		return
	}
	if lacks(err, v) {
		return
	}
	if v.find(err == nil, "version %d cannot be opened: %v", e.Version, err); err != nil {
		return
	}
	checksum(table, s, v)
	if e.LiveFiles != nil {
		v.find(s.Len() == *e.LiveFiles, "version %d has %d live files, want %d", e.Version, s.Len(), *e.LiveFiles)
	}
	if e.Rows != nil && e.Missing == 0 && e.Note == "" && e.Version != newest { // the newest was compared before
		e.rows(s, v)
	}
}

func (e *expectedVersion) rows(s *delta.Snapshot, v *verdict) {
	d, rows, err := digestOf(s, e.Digest != "")
	if lacks(err, v) {
		return
	}
	if v.find(err == nil, "version %d cannot be read: %v", e.Version, err); err != nil {
		return
	}
	v.find(rows == *e.Rows, "version %d has %d rows, want %d", e.Version, rows, *e.Rows)
	v.find(e.Digest == "" || d.String() == e.Digest, "version %d: digest of %d rows is %s, want %s", e.Version, rows, d, e.Digest)
}

// digestOf reads all rows of the snapshot, with their digest if that is wanted: variants have none.
func digestOf(s *delta.Snapshot, wanted bool) (*batch.RowDigest, int64, error) {
	d, rows := &batch.RowDigest{}, int64(0)
	for b, err := range s.Scan(ctx, delta.ScanOptions{}) {
		if err != nil {
			return nil, 0, err
		}
		rows += int64(b.Rows())
		if wanted {
			err = d.Add(b)
		}
		b.Release()
		if err != nil {
			return nil, 0, err
		}
	}
	return d, rows, nil
}

// history compares what the commits say they did.
func (e *expectation) history(table *delta.Table, v *verdict) {
	operations := map[int64]string{}
	for l, err := range table.History(ctx) {
		v.find(err == nil, "its history cannot be read: %v", err)
		if l.Info != nil {
			operations[l.Version] = l.Info.Operation
		}
	}
	for _, want := range e.Versions {
		if want.Operation != "" && !want.Unavailable {
			v.find(operations[want.Version] == want.Operation, "version %d: operation %q, want %q", want.Version, operations[want.Version], want.Operation)
		}
	}
}

// numbers compares the numbers of rows.
func (e *expectation) numbers(s *delta.Snapshot, v *verdict) {
	if e.RowIDs == nil {
		return
	}
	got, err := numbersOf(s)
	want := slices.SortedFunc(slices.Values(e.RowIDs), slices.Compare)
	v.find(err == nil && slices.EqualFunc(got, want, slices.Equal), "rows are numbered %v, want %v: %v", got, want, err)
}

// numbersOf returns the column id of each row, its number and the version that wrote it.
func numbersOf(s *delta.Snapshot) (got [][]string, err error) {
	for b, err := range s.Scan(ctx, delta.ScanOptions{Columns: []string{"id", "_metadata.row_id", "_metadata.row_commit_version"}}) {
		if err != nil {
			return nil, err
		}
		for i := range b.Rows() {
			row := b.Row(i)
			cells := []string{asText(b.Columns[0], row)}
			for _, k := range b.Columns[1].Kids {
				cells = append(cells, asText(k, row))
			}
			got = append(got, cells)
		}
		b.Release()
	}
	return slices.SortedFunc(slices.Values(got), slices.Compare), nil
}
