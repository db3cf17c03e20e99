package oracle

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
)

// File is a data file as its add action describes it.
type File struct {
	Path             string             `json:"path"` // as in the log: URI-encoded
	PartitionValues  map[string]*string `json:"partitionValues"`
	Size             int64              `json:"size"`
	ModificationTime int64              `json:"modificationTime"`
	DataChange       bool               `json:"dataChange"`
	Stats            string             `json:"stats"`
	DeletionVector   json.RawMessage    `json:"deletionVector"`
}

// Name returns the decoded path, relative to the table unless it is absolute.
func (f File) Name() string {
	name, err := url.PathUnescape(f.Path)
	if err != nil {
		return f.Path
	}
	return name
}

// Remove is a tombstone.
type Remove struct {
	Path       string `json:"path"`
	DataChange bool   `json:"dataChange"`
}

// Transaction is a txn action.
type Transaction struct {
	AppID   string `json:"appId"`
	Version int64  `json:"version"`
}

// Domain is a domainMetadata action.
type Domain struct {
	Domain        string `json:"domain"`
	Configuration string `json:"configuration"`
	Removed       bool   `json:"removed"`
}

// Protocol is a protocol action.
type Protocol struct {
	MinReaderVersion int      `json:"minReaderVersion"`
	MinWriterVersion int      `json:"minWriterVersion"`
	ReaderFeatures   []string `json:"readerFeatures"`
	WriterFeatures   []string `json:"writerFeatures"`
}

// Metadata is a metaData action.
type Metadata struct {
	ID               string            `json:"id"`
	SchemaString     string            `json:"schemaString"`
	PartitionColumns []string          `json:"partitionColumns"`
	Configuration    map[string]string `json:"configuration"`
}

type action struct {
	Add        *File           `json:"add"`
	Remove     *Remove         `json:"remove"`
	Txn        *Transaction    `json:"txn"`
	Domain     *Domain         `json:"domainMetadata"`
	Protocol   *Protocol       `json:"protocol"`
	Metadata   *Metadata       `json:"metaData"`
	CommitInfo json.RawMessage `json:"commitInfo"`
}

// Commit is what one version of the log says.
type Commit struct {
	Version      int64
	Adds         []File
	Removes      []Remove
	Transactions []Transaction
	Domains      []Domain
	Protocol     *Protocol
	Metadata     *Metadata
	CommitInfo   json.RawMessage // nil if there is none
}

// Table is a Delta table after one of its versions.
type Table struct {
	Path         string
	Version      int64
	Live         map[string]File        // by decoded path
	Transactions map[string]Transaction // by application
	Domains      map[string]string      // configuration by domain, removed ones left out
	Protocol     Protocol
	Metadata     Metadata
	Commits      []Commit // those that were replayed, in order; all of them if First is 0
	First        int64    // version of the first of them; after a checkpoint, the one behind it
}

// ErrNoTable says that there is no Delta log at a path.
var ErrNoTable = errors.New("no Delta log")

// ErrGap says that a log lacks a version between two others.
var ErrGap = errors.New("a version is missing in the log")

var (
	commitName     = regexp.MustCompile(`^(\d{20})\.json$`)
	checkpointName = regexp.MustCompile(`^(\d{20})\.checkpoint\.parquet$`)
)

// listing returns the versions that have a commit and those that have a classic checkpoint, ascending.
func listing(table string) (commits, checkpoints []int64, err error) {
	entries, err := os.ReadDir(filepath.Join(table, "_delta_log"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s: %w", table, ErrNoTable)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if m := commitName.FindStringSubmatch(e.Name()); m != nil {
			v, _ := strconv.ParseInt(m[1], 10, 64)
			commits = append(commits, v)
		}
		if m := checkpointName.FindStringSubmatch(e.Name()); m != nil {
			v, _ := strconv.ParseInt(m[1], 10, 64)
			checkpoints = append(checkpoints, v)
		}
	}
	if len(commits)+len(checkpoints) == 0 {
		return nil, nil, fmt.Errorf("%s: %w", table, ErrNoTable)
	}
	sort.Slice(commits, func(i, j int) bool { return commits[i] < commits[j] })
	sort.Slice(checkpoints, func(i, j int) bool { return checkpoints[i] < checkpoints[j] })
	return commits, checkpoints, nil
}

// Replay reads the newest version of the table in a folder.
func Replay(table string) (*Table, error) { return ReplayAt(table, -1) }

// ReplayAt reads the table as of a version; -1 is the newest. It replays from
// version 0 where the log still has it, else from the newest checkpoint that
// serves. A gap in the log is ErrGap, a folder without a log ErrNoTable.
func ReplayAt(table string, version int64) (*Table, error) {
	commits, checkpoints, err := listing(table)
	if err != nil {
		return nil, err
	}
	if version < 0 {
		version = -1
		for _, v := range append(commits, checkpoints...) {
			version = max(version, v)
		}
	}
	t := newTable(table)
	if len(commits) == 0 || commits[0] != 0 {
		base := int64(-1)
		for _, v := range checkpoints {
			if v <= version {
				base = v
			}
		}
		if base < 0 {
			return nil, fmt.Errorf("%s: version 0 is gone and no checkpoint serves version %d: %w", table, version, ErrGap)
		}
		if err := t.loadCheckpoint(base); err != nil {
			return nil, err
		}
		t.Version, t.First = base, base+1
	}
	for _, v := range commits {
		if v <= t.Version || v > version {
			continue
		}
		if v != t.Version+1 {
			return nil, fmt.Errorf("%s: version %d is followed by %d: %w", table, t.Version, v, ErrGap)
		}
		c, err := readCommit(table, v)
		if err != nil {
			return nil, err
		}
		t.apply(c)
		t.Commits = append(t.Commits, c)
		t.Version = v
	}
	if t.Version != version {
		return nil, fmt.Errorf("%s: the log ends at version %d, not at %d: %w", table, t.Version, version, ErrGap)
	}
	return t, nil
}

func newTable(path string) *Table {
	return &Table{Path: path, Version: -1, Live: map[string]File{}, Transactions: map[string]Transaction{}, Domains: map[string]string{}}
}

func readCommit(table string, version int64) (Commit, error) {
	c := Commit{Version: version}
	path := filepath.Join(table, "_delta_log", fmt.Sprintf("%020d.json", version))
	text, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for number := 1; lines.Scan(); number++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var a action
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return c, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		c.add(a)
	}
	return c, lines.Err()
}

func (c *Commit) add(a action) {
	switch {
	case a.Add != nil:
		c.Adds = append(c.Adds, *a.Add)
	case a.Remove != nil:
		c.Removes = append(c.Removes, *a.Remove)
	case a.Txn != nil:
		c.Transactions = append(c.Transactions, *a.Txn)
	case a.Domain != nil:
		c.Domains = append(c.Domains, *a.Domain)
	case a.Protocol != nil:
		c.Protocol = a.Protocol
	case a.Metadata != nil:
		c.Metadata = a.Metadata
	case a.CommitInfo != nil:
		c.CommitInfo = a.CommitInfo
	}
}

// apply reconciles one commit's actions. Removes go first: a file that is
// removed and added in one commit (another deletion vector) lives.
func (t *Table) apply(c Commit) {
	if c.Protocol != nil {
		t.Protocol = *c.Protocol
	}
	if c.Metadata != nil {
		t.Metadata = *c.Metadata
	}
	for _, r := range c.Removes {
		delete(t.Live, File{Path: r.Path}.Name())
	}
	for _, f := range c.Adds {
		t.Live[f.Name()] = f
	}
	for _, x := range c.Transactions {
		t.Transactions[x.AppID] = x
	}
	for _, d := range c.Domains {
		if d.Removed {
			delete(t.Domains, d.Domain)
		} else {
			t.Domains[d.Domain] = d.Configuration
		}
	}
}

// Files returns the live files, ordered by path.
func (t *Table) Files() []File {
	files := make([]File, 0, len(t.Live))
	for _, f := range t.Live {
		files = append(files, f)
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files
}

// locate returns where the file lies on disk.
func (t *Table) locate(f File) string {
	name := f.Name()
	if u, err := url.Parse(f.Path); err == nil && u.Scheme == "file" {
		return u.Path
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(t.Path, filepath.FromSlash(name))
}
