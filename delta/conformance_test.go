package delta_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

// digest sums row hashes modulo 2^256: order-free, duplicates count. Its form
// is that of the conformance tables' expect.json.
type digest struct {
	sum  [4]uint64 // least significant first
	rows int64
}

func (d *digest) add(b *batch.Batch) {
	var row []byte
	for i := range b.Rows() {
		row = append(row[:0], '(')
		for _, c := range b.Columns {
			row = appendValue(row, c, b.Row(i))
		}
		h := sha256.Sum256(append(row, ')'))
		var carry uint64
		for k := range d.sum {
			d.sum[k], carry = bits.Add64(d.sum[k], binary.BigEndian.Uint64(h[24-8*k:]), carry)
		}
		d.rows++
	}
}

func (d *digest) String() string {
	var b [32]byte
	for k, v := range d.sum {
		binary.BigEndian.PutUint64(b[24-8*k:], v)
	}
	return hex.EncodeToString(b[:])
}

func appendValue(b []byte, c *batch.Column, r int) []byte {
	if c.IsNull(r) {
		return append(b, 'n')
	}
	switch c.Type.Kind {
	case batch.Boolean:
		if c.Bool(r) {
			return append(b, 't')
		}
		return append(b, 'f')
	case batch.TinyInt, batch.SmallInt, batch.Int:
		return fmt.Appendf(b, "i%d;", c.I32[r])
	case batch.BigInt:
		return fmt.Appendf(b, "i%d;", c.I64[r])
	case batch.Float:
		v := math.Float32bits(c.F32[r])
		if c.F32[r] != c.F32[r] {
			v = 0x7fc00000
		}
		return fmt.Appendf(b, "e%08x;", v)
	case batch.Double:
		v := math.Float64bits(c.F64[r])
		if c.F64[r] != c.F64[r] {
			v = 0x7ff8000000000000
		}
		return fmt.Appendf(b, "d%016x;", v)
	case batch.Decimal:
		return append(delta.AppendDecimal(append(b, 'm'), c.I128[r], int(c.Type.Scale)), ';')
	case batch.String, batch.Binary:
		v := c.Bytes(r)
		kind := byte('s')
		if c.Type.Kind == batch.Binary {
			kind = 'b'
		}
		return append(append(strconv.AppendInt(append(b, kind), int64(len(v)), 10), ':'), v...)
	case batch.Date:
		return fmt.Appendf(b, "D%d;", c.I32[r])
	case batch.Timestamp:
		return fmt.Appendf(b, "T%d;", c.I64[r])
	case batch.TimestampNTZ:
		return fmt.Appendf(b, "N%d;", c.I64[r])
	case batch.Struct:
		b = append(b, '(')
		for _, k := range c.Kids {
			b = appendValue(b, k, r)
		}
		return append(b, ')')
	case batch.Array:
		b = fmt.Appendf(b, "[%d:", c.Off[r+1]-c.Off[r])
		for i := c.Off[r]; i < c.Off[r+1]; i++ {
			b = appendValue(b, c.Kids[0], int(i))
		}
		return append(b, ']')
	case batch.Map:
		var pairs []string
		for i := c.Off[r]; i < c.Off[r+1]; i++ {
			pairs = append(pairs, string(appendValue(nil, c.Kids[0], int(i)))+"\x00"+string(appendValue(nil, c.Kids[1], int(i))))
		}
		slices.Sort(pairs)
		b = fmt.Appendf(b, "{%d:", len(pairs))
		for _, p := range pairs {
			k, v, _ := strings.Cut(p, "\x00")
			b = append(append(b, k...), v...)
		}
		return append(b, '}')
	}
	panic("no digest of " + c.Type.String())
}

// expectation is expect.json as far as it is used here.
type expectation struct {
	Expectation string
	Reason      string
	RowsDigest  string `json:"rows_digest"`
	Rows        *int64
	LiveFiles   *int   `json:"live_files"`
	LiveBytes   *int64 `json:"live_bytes"`
	Protocol    struct {
		MinReaderVersion int
		ReaderFeatures   []string
	}
	Configuration    map[string]string
	PartitionColumns []string `json:"partition_columns"`
	Txn              map[string]int64
	Schema           []struct {
		Name     string
		Nullable bool
	}
	Log struct {
		LatestVersion *int64 `json:"latest_version"`
	}
	Versions []struct {
		Version    int64
		Files      *int `json:"live_files"`
		Rows       *int64
		RowsDigest string `json:"rows_digest"`
		Error      string
	}
}

func scanDigest(t *delta.Table, version int64) (*digest, *delta.Snapshot, error) {
	s, err := t.SnapshotAt(context.Background(), version)
	if err != nil {
		return nil, nil, err
	}
	d := &digest{}
	for b, err := range s.Scan(context.Background(), delta.ScanOptions{}) {
		if err != nil {
			return nil, s, err
		}
		d.add(b)
		b.Release()
	}
	return d, s, nil
}

// TestConformance reads every table of the conformance set named by the environment:
// what we read must be what is expected, what we refuse must be refused by name.
func TestConformance(t *testing.T) {
	root := os.Getenv("DELTAIC_DELTA_CORPUS")
	if root == "" {
		t.Skip("DELTAIC_DELTA_CORPUS does not name the conformance tables; TestOwnTables reads those of testdata")
	}
	tables, err := filepath.Glob(filepath.Join(root, "*", "*", "expect.json"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables under %s: %v", root, err)
	}
	equal, refused := 0, map[string]int{}
	for _, file := range tables {
		name := strings.TrimPrefix(filepath.Dir(file), root+"/")
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), "delta")); err != nil {
				t.Skip("packed")
			}
			if class := conform(t, file); class == "" {
				equal++
			} else {
				refused[class]++
			}
		})
	}
	t.Logf("%d tables equal; others: %v", equal, refused)
}

// conform returns "" if the table reads as expected, else why it does not have to.
func conform(t *testing.T, file string) string {
	var want expectation
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	store, err := local.New(filepath.Join(filepath.Dir(file), "delta"), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	table := delta.Open(store, delta.Options{Pool: batch.NewPool()})
	got, snapshot, err := scanDigest(table, -1)
	switch {
	case want.Expectation == "must-fail":
		if err == nil {
			t.Errorf("read, though it must fail: %s", want.Reason)
		}
		t.Logf("refused: %v", err)
		return "must-fail"
	case want.Expectation == "either" || want.Expectation == "other":
		t.Logf("%s: %v", want.Reason, err)
		return want.Expectation
	case err != nil && strings.Contains(err.Error(), "DELTA_UNSUPPORTED_FEATURES_FOR_READ"):
		t.Logf("not supported: %v", err)
		return "unsupported feature"
	case want.Expectation == "log-only" && snapshot != nil:
		if want.LiveFiles != nil && len(snapshot.Files()) != *want.LiveFiles {
			t.Errorf("%d live files, want %d", len(snapshot.Files()), *want.LiveFiles)
		}
		return "log-only"
	case err != nil:
		t.Fatalf("cannot be read: %v", err)
	}
	if want.LiveFiles != nil && len(snapshot.Files()) != *want.LiveFiles {
		t.Errorf("%d live files, want %d", len(snapshot.Files()), *want.LiveFiles)
	}
	if want.LiveBytes != nil && snapshot.Bytes() != *want.LiveBytes {
		t.Errorf("%d live bytes, want %d", snapshot.Bytes(), *want.LiveBytes)
	}
	for app, version := range want.Txn {
		if got := snapshot.Txns[app].Version; got != version {
			t.Errorf("txn %s is %d, want %d", app, got, version)
		}
	}
	if want.Rows != nil && got.rows != *want.Rows {
		t.Errorf("%d rows, want %d", got.rows, *want.Rows)
	}
	if want.RowsDigest != "" && got.String() != want.RowsDigest {
		t.Errorf("digest %s, want %s", got, want.RowsDigest)
	}
	for _, v := range want.Versions {
		if v.RowsDigest == "" || v.Version == snapshot.Version { // the newest was compared above
			continue
		}
		got, _, err := scanDigest(table, v.Version)
		if err != nil && strings.Contains(err.Error(), "DELTA_UNSUPPORTED_FEATURES_FOR_READ") {
			t.Logf("not supported: %v", err)
		} else if err != nil {
			t.Errorf("version %d: %v", v.Version, err)
		} else if got.String() != v.RowsDigest {
			t.Errorf("version %d: digest %s of %d rows, want %s", v.Version, got, got.rows, v.RowsDigest)
		}
	}
	return ""
}
