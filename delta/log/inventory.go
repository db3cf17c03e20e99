package log

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/parquet"
)

// Inventory is what lies in the folder of a log.
type Inventory struct {
	Commits     []Object
	Checkpoints []CheckpointFile // by version
	Checksums   []int64          // versions that have one
	Compacted   [][2]int64       // first and last version of reconciled commits
	Hint        *int64           // version that _last_checkpoint names; nil: none that can be read
}

// CheckpointFile describes a complete checkpoint.
type CheckpointFile struct {
	Version  int64
	Kind     string // v1, v1-multi-part, v2-parquet, v2-json, v2-classic-named
	Parts    int    // of v1-multi-part
	Sidecars int
	Adds     int64 // those in sidecars counted
}

// Inventory lists the log, and counts what is in the newest checkpoints, as many as are given; older ones are only named.
func (l *Log) Inventory(ctx context.Context, counted int) (*Inventory, error) {
	found, err := l.list(ctx, 0)
	if err != nil {
		return nil, err
	}
	out := &Inventory{Commits: found.commits, Checksums: found.checksums}
	for _, c := range found.compacted {
		out.Compacted = append(out.Compacted, [2]int64{c.from, c.Version})
	}
	versions := found.checkpointVersions()
	for i, v := range versions {
		for _, parts := range found.checkpoints[v] {
			c := CheckpointFile{Version: v, Kind: "v1"}
			switch rest := strings.Split(parts[0].Name, "."); {
			case len(parts) > 1:
				c.Kind, c.Parts = "v1-multi-part", len(parts)
			case len(rest) == 4:
				c.Kind = "v2-" + rest[3]
			}
			if len(versions)-i <= counted {
				if err := l.count(ctx, parts, &c); err != nil {
					return nil, err
				}
			}
			out.Checkpoints = append(out.Checkpoints, c)
		}
	}
	if hint, err := l.hint(ctx); err != nil {
		return nil, err
	} else if hint.there {
		out.Hint = &hint.version
	}
	return out, nil
}

// count fills in what a checkpoint holds. One that cannot be read is left as its name says.
func (l *Log) count(ctx context.Context, parts []Object, c *CheckpointFile) error {
	for _, p := range parts {
		var sidecars []string
		adds, second, err := l.countPart(ctx, p.Name, &sidecars)
		for _, s := range sidecars {
			if err != nil {
				break
			}
			var more int64
			if s, err = SidecarName(s); err == nil {
				more, _, err = l.countPart(ctx, s, nil)
				adds += more
			}
		}
		if err != nil {
			return ctx.Err()
		}
		if second && c.Kind == "v1" {
			c.Kind = "v2-classic-named"
		}
		c.Adds, c.Sidecars = c.Adds+adds, c.Sidecars+len(sidecars)
	}
	return nil
}

// countPart counts the files in one file of a checkpoint and collects the sidecars it names, and says whether it is of the
// second form. Of a Parquet file only what counts is read.
func (l *Log) countPart(ctx context.Context, name string, sidecars *[]string) (adds int64, second bool, err error) {
	r, err := l.Store.Open(ctx, name)
	if err != nil {
		return 0, false, err
	}
	defer r.Close()
	if strings.HasSuffix(name, ".json") {
		err = Decode(io.NewSectionReader(r, 0, r.Size()), KindAdd|KindSidecar, l.Limits, func(a *Action) error {
			if a.Add != nil {
				adds++
			} else if a.Sidecar != nil && sidecars != nil {
				*sidecars = append(*sidecars, a.Sidecar.Path)
			}
			return nil
		})
		return adds, true, err
	}
	f, err := parquet.Open(r, r.Size(), parquet.ReadOptions{Name: l.Store.URI() + "/" + name, Pool: l.Pool, Limits: checkpointLimits})
	if err != nil {
		return 0, false, err
	}
	second = f.Schema().Index("checkpointMetadata") >= 0
	var fields []batch.Field
	for _, w := range []batch.Field{field("add", batch.StructType(field("size", batch.BigIntType))), field("sidecar", batch.StructType(field("path", batch.StringType)))} {
		if i := f.Schema().Index(w.Name); i >= 0 && len(present(w.Type, f.Schema().Fields[i].Type).Fields) > 0 {
			fields = append(fields, w)
		}
	}
	if len(fields) == 0 {
		return 0, second, nil
	}
	rows, err := f.Read(batch.NewSchema(fields...))
	if err != nil {
		return 0, second, err
	}
	defer rows.Close()
	for {
		b, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return adds, second, nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return 0, second, err
		}
		for i, f := range fields {
			c := b.Columns[i]
			for row := range b.N {
				switch {
				case c.IsNull(row):
				case f.Name == "add":
					adds++
				case sidecars != nil:
					*sidecars = append(*sidecars, string(c.Kids[0].Bytes(row)))
				}
			}
		}
		b.Release()
	}
}
