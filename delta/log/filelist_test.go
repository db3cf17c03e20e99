package log

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawStats are statistics that tell a number of rows, or none, or no statistics at all.
func drawStats(t *rapid.T) string {
	if rapid.IntRange(0, 3).Draw(t, "tells rows") > 0 {
		return fmt.Sprintf(`{"numRecords":%d,"nullCount":{}}`, rapid.IntRange(0, 1000).Draw(t, "rows"))
	}
	return rapid.String().Draw(t, "stats")
}

// drawAdd is an add-action of a few names, so that files come back, with and without each of its parts.
func drawAdd(t *rapid.T, names int) *Add {
	some := func(what string) *int64 {
		if rapid.Bool().Draw(t, what) {
			return pointer(rapid.Int64().Draw(t, what))
		}
		return nil
	}
	a := &Add{Path: fmt.Sprint("part-", rapid.IntRange(0, names).Draw(t, "name")), Size: rapid.Int64Range(0, 1<<40).Draw(t, "size"),
		ModificationTime: rapid.Int64().Draw(t, "time"), DataChange: rapid.Bool().Draw(t, "dataChange"), Stats: drawStats(t),
		BaseRowID: some("row id"), DefaultRowCommitVersion: some("commit"), ClusteringProvider: rapid.SampledFrom([]string{"", "liquid"}).Draw(t, "clustering")}
	for i := range rapid.IntRange(0, 2).Draw(t, "partition values") {
		a.Partition = append(a.Partition, PartitionValue{fmt.Sprint("p", i), rapid.String().Draw(t, "value")})
	}
	if rapid.Bool().Draw(t, "tags") {
		a.Tags = map[string]string{"k": rapid.String().Draw(t, "tag")}
	}
	if rapid.Bool().Draw(t, "vector") {
		a.DeletionVector = &DeletionVector{StorageType: "u", PathOrInline: rapid.SampledFrom([]string{"ab", "cd"}).Draw(t, "vector"), Offset: pointer(int64(rapid.Int32Min(0).Draw(t, "offset"))),
			SizeInBytes: int64(rapid.Int32Min(0).Draw(t, "bytes")), Cardinality: rapid.Int64().Draw(t, "cardinality"), MaxRowIndex: some("row")}
	}
	return a
}

// TestFileListIsTheLog: a list that follows the commits holds what a map does that follows them, at every version, also
// those before.
func TestFileListIsTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, model := NewFileList(), map[string]Add{}
		names := rapid.SampledFrom([]int{5, 200}).Draw(t, "names")
		packs := rapid.Bool().Draw(t, "packs often")
		type state struct {
			list *FileList
			want []Add
		}
		var states []state
		for range rapid.IntRange(1, 12).Draw(t, "commits") {
			var actions []*Action
			for range rapid.IntRange(0, 30).Draw(t, "actions") {
				a := drawAdd(t, names)
				if rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
					actions = append(actions, &Action{Remove: &Remove{Path: a.Path, DeletionVector: a.DeletionVector}})
					delete(model, FileKey(a.Path, a.DeletionVector))
					continue
				}
				actions = append(actions, &Action{Add: a})
				model[FileKey(a.Path, a.DeletionVector)] = *a
			}
			list = list.Update(actions)
			switch {
			case packs && rapid.IntRange(0, 9).Draw(t, "repack") == 0:
				list.repack()
			case packs:
				list.pack()
			}
			var want []Add
			for _, a := range model {
				want = append(want, a)
			}
			states = append(states, state{list, want})
		}
		for i, s := range states {
			got, size, rows, told := s.list.Sorted(), int64(0), int64(0), true
			slices.SortFunc(s.want, func(a, b Add) int {
				return strings.Compare(FileKey(a.Path, a.DeletionVector), FileKey(b.Path, b.DeletionVector))
			})
			slices.SortFunc(got, func(a, b Add) int {
				return strings.Compare(FileKey(a.Path, a.DeletionVector), FileKey(b.Path, b.DeletionVector))
			})
			for _, a := range s.want {
				size += a.Size
				n, ok := NumRecords(a.Stats)
				if a.DeletionVector != nil {
					n -= a.DeletionVector.Cardinality
				}
				if told = told && ok; told {
					rows += n
				}
			}
			if n, ok := s.list.Rows(); ok != told || told && n != rows {
				t.Fatalf("after commit %d: %d rows (%v), want %d (%v)", i, n, ok, rows, told)
			}
			if s.list.Len() != len(s.want) || s.list.Bytes() != size || len(got) != len(s.want) || len(got) > 0 && !reflect.DeepEqual(got, s.want) {
				t.Fatalf("after commit %d: %d files of %d bytes\n%+v\nwant %d of %d bytes\n%+v", i, s.list.Len(), s.list.Bytes(), got, len(s.want), size, s.want)
			}
		}
	})
}
