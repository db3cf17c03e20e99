package delta_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/deletion"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/objstore/memory"
)

// checked returns how many findings there are of each kind, those that are harmless left out, and what they say.
func checked(table *delta.Table, deep bool) (kinds map[log.FindingKind]int, said []string, err error) {
	kinds = map[log.FindingKind]int{}
	for f, err := range table.Check(ctx, delta.CheckOptions{Deep: deep}) {
		if err != nil {
			return kinds, said, err
		}
		if f.Harmless {
			continue
		}
		kinds[f.Kind]++
		said = append(said, fmt.Sprintf("%s %s: %s", f.Kind, f.Path, f.Message))
	}
	return kinds, said, nil
}

// sound fails if a check that reads all there is finds anything but what does no harm.
func sound(t interface{ Fatalf(string, ...any) }, table *delta.Table) {
	if kinds, said, err := checked(delta.Open(table.Store(), delta.Options{}), true); err != nil || len(kinds) > 0 {
		t.Fatalf("what was written is not sound: %v, %q", err, said)
	}
}

// folderOf are the files of a table by name.
type folderOf map[string][]byte

func load(t *testing.T, folder string) folderOf {
	t.Helper()
	all := folderOf{}
	if err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		name, _ := filepath.Rel(folder, path)
		all[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// table puts the files into a store.
func (o folderOf) table(t *testing.T) *delta.Table {
	t.Helper()
	s := memory.New(memory.Options{})
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if name[0] == 0 {
			continue // a mark, see liveLines
		}
		if err := s.Put(ctx, name, o[name]); err != nil {
			t.Fatal(err)
		}
	}
	return delta.Open(s, delta.Options{Pool: batch.NewPool()})
}

// damage is one way in which a table comes to harm.
type damage struct {
	name string
	kind log.FindingKind
	deep bool
	file string // of which files one is harmed
	// harm returns what becomes of the file, nil if it goes; false if it cannot be harmed so.
	harm func(o folderOf, name string, r *rand.Rand) ([]byte, bool)
}

func gone(folderOf, string, *rand.Rand) ([]byte, bool) { return nil, true }

func becomes(text string) func(folderOf, string, *rand.Rand) ([]byte, bool) {
	return func(folderOf, string, *rand.Rand) ([]byte, bool) { return []byte(text), true }
}

func cutOff(o folderOf, name string, r *rand.Rand) ([]byte, bool) {
	b := o[name]
	return b[:max(1, len(b)-3-r.IntN(40))], len(b) > 3
}

// ruined has the same size, and an end that says nothing.
func ruined(o folderOf, name string, r *rand.Rand) ([]byte, bool) {
	b := bytes.Clone(o[name])
	for i := max(0, len(b)-8); i < len(b); i++ {
		b[i] ^= byte(1 + r.IntN(255))
	}
	return b, true
}

// edit replaces in one of the matches of a pattern, which is not the same afterwards.
func edit(pattern, by string) func(folderOf, string, *rand.Rand) ([]byte, bool) {
	p := regexp.MustCompile(pattern)
	return func(o folderOf, name string, r *rand.Rand) ([]byte, bool) {
		at := p.FindAllSubmatchIndex(o[name], -1)
		if len(at) == 0 {
			return nil, false
		}
		m := at[r.IntN(len(at))]
		b := append(bytes.Clone(o[name][:m[0]]), p.Expand(nil, []byte(by), o[name], m)...)
		b = append(b, o[name][m[1]:]...)
		return b, !bytes.Equal(b, o[name])
	}
}

// within reports whether versions before and after the one of the commit have commits.
func within(o folderOf, name string) bool {
	version := int64(0)
	fmt.Sscanf(filepath.Base(name), "%d", &version)
	return o[log.CommitName(version-1)] != nil && o[log.CommitName(version+1)] != nil
}

const (
	commits     = `^_delta_log/\d{20}\.json$`
	checkpoints = `^_delta_log/\d{20}\.checkpoint.*parquet$`
	dataFiles   = `(^|/)part-[^/]*parquet$`
)

// liveOnly harms files that the newest version has.
func liveOnly(harm func(folderOf, string, *rand.Rand) ([]byte, bool)) func(folderOf, string, *rand.Rand) ([]byte, bool) {
	return func(o folderOf, name string, r *rand.Rand) ([]byte, bool) {
		if _, live := o["\x00"+name]; !live {
			return nil, false
		}
		return harm(o, name, r)
	}
}

// repeated is a commit that has one of its files twice.
func repeated(o folderOf, name string, _ *rand.Rand) ([]byte, bool) {
	for line := range bytes.Lines(o[name]) {
		if bytes.HasPrefix(line, []byte(`{"add"`)) {
			return append(append(bytes.Clone(o[name]), '\n'), line...), true
		}
	}
	return nil, false
}

// anothers is the checkpoint of another version.
func anothers(o folderOf, name string, _ *rand.Rand) ([]byte, bool) {
	for _, other := range slices.Sorted(maps.Keys(o)) {
		if strings.HasSuffix(other, ".checkpoint.parquet") && other != name && !bytes.Equal(o[other], o[name]) {
			return o[other], true
		}
	}
	return nil, false
}

// unknown is the newest protocol with a feature that nobody knows.
func unknown(o folderOf, name string, _ *rand.Rand) ([]byte, bool) {
	for other, text := range o {
		if later, _ := regexp.MatchString(commits, other); later && other > name && bytes.Contains(text, []byte(`{"protocol"`)) {
			return nil, false
		}
	}
	p := regexp.MustCompile(`(readerFeatures|writerFeatures)":\["`)
	return p.ReplaceAll(o[name], []byte(`$1":["timeTravelling","`)), bytes.Contains(o[name], []byte(`"readerFeatures":["`))
}

var damages = []damage{
	{"a commit is gone", log.CommitMissing, false, commits, func(o folderOf, name string, _ *rand.Rand) ([]byte, bool) { return nil, within(o, name) }},
	{"a commit is cut off", log.CommitCorrupt, false, commits, cutOff},
	{"a commit is empty", log.CommitCorrupt, false, commits, becomes("")},
	{"a commit is other text", log.CommitCorrupt, false, commits, becomes("<html>404</html>")},
	{"a file is added twice", log.CommitInvalid, false, commits, repeated},
	{"a file goes that never was", log.CommitInvalid, false, commits, edit(`"remove":\{"path":"`, `"remove":{"path":"never-`)},
	{"a checkpoint is cut off", log.CheckpointCorrupt, false, checkpoints, cutOff},
	{"a checkpoint is ruined", log.CheckpointCorrupt, false, checkpoints, ruined},
	{"a checkpoint is another's", log.CheckpointMismatch, false, `checkpoint\.parquet$`, anothers},
	{"a checkpoint lacks a part", log.CheckpointCorrupt, false, `checkpoint\.\d{10}\.\d{10}\.parquet$`, gone},
	{"a checkpoint in JSON is cut off", log.CheckpointCorrupt, false, `checkpoint.*json$`, cutOff},
	{"a checkpoint has another protocol", log.CheckpointMismatch, false, `checkpoint.*json$`, edit(`"id":"[^"]*"`, `"id":"another"`)},
	{"the hint is cut off", log.HintCorrupt, false, `_last_checkpoint$`, becomes(`{"version":`)},
	{"the hint is empty", log.HintCorrupt, false, `_last_checkpoint$`, becomes("")},
	{"the hint points nowhere", log.HintStale, false, `_last_checkpoint$`, edit(`^\{"version":(\d+)`, `{"version":${1}7`)},
	{"the hint counts wrong", log.HintMismatch, false, `_last_checkpoint$`, edit(`"numOfAddFiles":([1-9]\d*)`, `"numOfAddFiles":${1}7`)},
	{"a sidecar is gone", log.SidecarMissing, false, `_sidecars/`, gone},
	{"a sidecar is cut off", log.SidecarCorrupt, false, `_sidecars/`, cutOff},
	{"a sidecar is ruined", log.SidecarCorrupt, false, `_sidecars/`, ruined},
	{"a checksum is cut off", log.ChecksumCorrupt, false, `\.crc$`, cutOff},
	{"a checksum counts files wrong", log.ChecksumMismatch, false, `\.crc$`, edit(`"numFiles":([1-9]\d*)`, `"numFiles":${1}7`)},
	{"a checksum counts bytes wrong", log.ChecksumMismatch, false, `\.crc$`, edit(`"tableSizeBytes":([1-9]\d*)`, `"tableSizeBytes":${1}7`)},
	{"a checksum has another protocol", log.ChecksumMismatch, false, `\.crc$`, edit(`"minWriterVersion":[2-6]`, `"minWriterVersion":1`)},
	{"a checksum has another schema", log.ChecksumMismatch, false, `\.crc$`, edit(`"schemaString":"`, `"schemaString":" x`)},
	{"a protocol is none", log.ProtocolInvalid, false, commits, edit(`"minWriterVersion":[2-6]`, `"minWriterVersion":0`)},
	{"a feature is not known", log.FeatureUnsupported, false, commits, unknown},
	{"a schema is none", log.MetadataInvalid, false, commits, edit(`"schemaString":"`, `"schemaString":"[`)},
	{"a partition column is none", log.MetadataInvalid, false, commits, edit(`"partitionColumns":\["`, `"partitionColumns":["no such column","`)},
	{"time runs backwards", log.TimestampInvalid, false, commits, func(o folderOf, name string, r *rand.Rand) ([]byte, bool) {
		if strings.HasSuffix(name, "0000.json") {
			return nil, false
		}
		return edit(`"inCommitTimestamp":\d+`, `"inCommitTimestamp":7`)(o, name, r)
	}},
	{"a commit says no time", log.TimestampInvalid, false, commits, edit(`"inCommitTimestamp":\d+,`, ``)},
	{"a data file is gone", delta.DataFileMissing, false, dataFiles, liveOnly(gone)},
	{"a data file is cut off", delta.DataFileMismatch, false, dataFiles, liveOnly(cutOff)},
	{"a data file is ruined", delta.DataFileCorrupt, false, dataFiles, liveOnly(ruined)},
	{"a page of a data file is ruined", delta.DataFileCorrupt, true, dataFiles, liveOnly(func(o folderOf, name string, r *rand.Rand) ([]byte, bool) {
		b := bytes.Clone(o[name])
		copy(b[4:], bytes.Repeat([]byte{0xff}, 20)) // the header of the first page
		return b, len(b) > 200
	})},
	{"a deletion vector is gone", delta.VectorMissing, false, `deletion_vector.*bin$`, liveOnly(gone)},
	{"a deletion vector is ruined", delta.VectorCorrupt, false, `deletion_vector.*bin$`, liveOnly(func(o folderOf, name string, _ *rand.Rand) ([]byte, bool) {
		b := bytes.Clone(o[name])
		for i := range b[1:] {
			b[1+i] ^= 0x55 // the file may have vectors of earlier versions too
		}
		return b, true
	})},
	{"a change file is gone", delta.ChangeFileMissing, false, `_change_data/`, gone},
	{"a change file is cut off", delta.ChangeFileMismatch, false, `_change_data/`, cutOff},
}

// edits of one file of the newest version, where no checkpoint has it: the log is all that says it.
var edits = []damage{
	{"rows are counted wrong", delta.StatisticsMismatch, false, "", edit(`numRecords\\":([1-9]\d*)`, `numRecords\":${1}7`)},
	{"statistics are none", delta.StatisticsMismatch, false, "", edit(`"stats":"\{`, `"stats":"{,`)},
	{"nulls are counted wrong", delta.StatisticsMismatch, true, "", edit(`(nullCount\\":\{\\"[^"]*\\":)\d+`, `${1}77`)},
	{"a greatest value is too small", delta.StatisticsMismatch, true, "", edit(`(maxValues\\":\{\\"\w+\\":)\d+([,}])`, `${1}-99999$2`)},
	{"a least value is too great", delta.StatisticsMismatch, true, "", edit(`(minValues\\":\{\\"\w+\\":)\d{1,3}([,}])`, `${1}99999$2`)},
	{"a vector has another count", delta.VectorMismatch, false, "", edit(`"cardinality":(\d+)`, `"cardinality":${1}7`)},
	{"a vector cannot be", delta.VectorCorrupt, false, "", edit(`"storageType":"\w"`, `"storageType":"x"`)},
	{"a file leads out of the table", delta.PathInvalid, false, "", edit(`"path":"`, `"path":"s3://elsewhere/`)},
	{"a partition value is none", delta.PartitionInvalid, false, "", edit(`"partitionValues":\{"(\w+)":"-?\d+"`, `"partitionValues":{"$1":"many"`)},
	{"a partition value is not there", delta.PartitionInvalid, false, "", edit(`"partitionValues":\{"\w+":("[^"]*"|null)`, `"partitionValues":{"x":"1"`)},
	{"a file has another size", delta.DataFileMismatch, false, "", edit(`"size":(\d+)`, `"size":${1}7`)},
}

// liveLines marks the files of the newest version, and returns the lines that add them, by commit.
func (o folderOf) liveLines(t *testing.T) map[string]string {
	s, err := o.table(t).Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, a := range s.Files() {
		keys[log.FileKey(a.Path, a.DeletionVector)] = true
		name, err := log.DecodePath(a.Path)
		if err != nil {
			continue
		}
		o["\x00"+name] = nil
		if d := a.DeletionVector; d != nil && d.StorageType == "u" {
			if file, err := deletion.FileName(d.PathOrInline); err == nil {
				o["\x00"+file] = nil
			}
		}
	}
	lines := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if ok, _ := regexp.MatchString(commits, name); !ok {
			continue
		}
		for line := range strings.Lines(string(o[name])) {
			var a struct{ Add *struct{ Path string } }
			if json.Unmarshal([]byte(line), &a) != nil || a.Add == nil {
				continue
			}
			_ = log.Decode(strings.NewReader(line), log.KindAdd, log.Limits{}, func(a *log.Action) error {
				if keys[log.FileKey(a.Add.Path, a.Add.DeletionVector)] {
					lines[line] = name
				}
				return nil
			})
		}
	}
	return lines
}

// TestCheckFindsDamage harms tables in every way, and what was done is found. DELTAIC_TEST_DAMAGE says how many tables, of those that can be harmed
// so, are harmed in each.
func TestCheckFindsDamage(t *testing.T) {
	most := 3
	if n, err := strconv.Atoi(os.Getenv("DELTAIC_TEST_DAMAGE")); err == nil {
		most = n
	}
	r := rand.New(rand.NewPCG(5, uint64(rand.Int64())))
	done := map[string]int{}
	tables := expectations(t, "testdata/tables")
	r.Shuffle(len(tables), func(i, j int) { tables[i], tables[j] = tables[j], tables[i] })
	for _, file := range tables {
		folder := filepath.Join(filepath.Dir(file), "delta")
		whole := load(t, folder)
		lines := whole.liveLines(t)
		for _, d := range damages {
			var candidates []string
			for name := range whole {
				if ok, _ := regexp.MatchString(d.file, name); ok && name[0] != 0 {
					candidates = append(candidates, name)
				}
			}
			slices.Sort(candidates)
			r.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
			for _, name := range candidates {
				if done[d.name] >= most {
					break
				}
				text, ok := d.harm(whole, name, r)
				if ok {
					whole.harmed(t, folder, name, text, &d)
					done[d.name]++
					break
				}
			}
		}
		for _, d := range edits {
			for _, line := range slices.Sorted(maps.Keys(lines)) {
				if done[d.name] >= most {
					break
				}
				text, ok := d.harm(folderOf{"": []byte(line)}, "", r)
				if ok && (d.kind != delta.StatisticsMismatch || !strings.Contains(line, `"deletionVector"`)) {
					name := lines[line]
					whole.withoutCheckpoints().harmed(t, folder, name, bytes.Replace(whole[name], []byte(line), text, 1), &d)
					done[d.name]++
					break
				}
			}
		}
	}
	for _, d := range append(damages, edits...) {
		if done[d.name] == 0 {
			t.Errorf("no table was harmed so that %s", d.name)
		}
	}
}

func (o folderOf) withoutCheckpoints() folderOf {
	c := folderOf{}
	for name, text := range o {
		if !strings.Contains(name, "checkpoint") && name[0] != 0 {
			c[name] = text
		}
	}
	return c
}

// harmed checks a table of which one file is another.
func (o folderOf) harmed(t *testing.T, folder, name string, text []byte, d *damage) {
	t.Helper()
	c := folderOf{}
	for n, b := range o {
		if n[0] != 0 {
			c[n] = b
		}
	}
	if c[name] = text; text == nil {
		delete(c, name)
	}
	kinds, said, err := checked(c.table(t), d.deep)
	if err != nil {
		t.Errorf("%s: %s (%s): %v", folder, d.name, name, err)
	} else if kinds[d.kind] == 0 {
		t.Errorf("%s: %s (%s), and this is found, not %s:\n%s", folder, d.name, name, d.kind, strings.Join(said, "\n"))
	}
}

// TestCheckPassesOver: what writers that died leave is named, and leaves a table sound.
func TestCheckPassesOver(t *testing.T) {
	folder := t.TempDir()
	for name, text := range load(t, "testdata/tables/sidecars_json/delta") {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	left := map[string]log.FindingKind{
		"part-00000-of-nobody.parquet": delta.Orphan, "_change_data/cdc-of-nobody.parquet": delta.Orphan, "_delta_log/_sidecars/of-nobody.parquet": delta.Orphan,
		"_delta_log/.tmp-abc-1-00000000000000000009.json": delta.Temporary, "_hidden": "", ".also": "", "_delta_log/notes.txt": "",
	}
	for name := range left {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	store, err := local.New(folder, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]log.FindingKind{}
	for f, err := range delta.Open(store, delta.Options{}).Check(ctx, delta.CheckOptions{Deep: true}) {
		if err != nil || !f.Harmless || f.Repair == "" {
			t.Fatalf("%+v, %v", f, err)
		}
		found[f.Path] = f.Kind
	}
	for name, kind := range left {
		if found[name] != kind {
			t.Errorf("%s is %q, want %q", name, found[name], kind)
		}
	}
}

// TestCheckFindsTwice: a file that is in a version with two deletion vectors is found, and so is a checksum of a version that is not there.
func TestCheckFindsTwice(t *testing.T) {
	all := load(t, "testdata/tables/sidecars_vectors/delta")
	for line := range all.liveLines(t) {
		if at := strings.Index(line, `,"deletionVector"`); at > 0 {
			all[log.CommitName(8)] = []byte(line[:at] + "}}\n")
			break
		}
	}
	if kinds, said, err := checked(all.table(t), false); err != nil || kinds[log.FileDuplicate] == 0 || len(kinds) > 1 {
		t.Errorf("%v: %v, %q", kinds, err, said)
	}
	delete(all, log.CommitName(8))
	all[log.ChecksumName(8)] = all[log.ChecksumName(7)]
	if kinds, said, err := checked(all.table(t), false); err != nil || kinds[log.CommitMissing] != 1 || len(kinds) > 1 {
		t.Errorf("%v: %v, %q", kinds, err, said)
	}
}

// TestCheckRepairs does what findings say, and the table is sound then, or only what cannot be put right is left.
func TestCheckRepairs(t *testing.T) {
	for _, file := range expectations(t, "testdata/tables") {
		all := load(t, filepath.Join(filepath.Dir(file), "delta"))
		for name, text := range all {
			if strings.HasPrefix(name, "_delta_log/") && !regexp.MustCompile(commits).MatchString(name) && len(text) > 1 {
				all[name] = text[:len(text)/2] // everything that is made of the commits
			}
		}
		for range 2 { // of a checkpoint in parts one goes, and then the others
			for f, err := range all.table(t).Check(ctx, delta.CheckOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				if f.Repair == "" {
					t.Errorf("%s: %s %s cannot be repaired: %s", file, f.Kind, f.Path, f.Message)
				}
				if named, ok := strings.CutPrefix(f.Repair, "delete the checkpoint "); ok {
					f.Path, _, _ = strings.Cut(named, ",")
				}
				delete(all, f.Path)
			}
		}
		kinds, said, err := checked(all.table(t), false)
		if err != nil || len(kinds) > 0 {
			t.Errorf("%s, repaired: %v, %q", file, err, said)
		}
	}
}
