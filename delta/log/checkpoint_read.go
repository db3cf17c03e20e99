package log

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/formats/parquet"
)

// SidecarDir is the folder of the files that checkpoints of the second form share.
const SidecarDir = Dir + "_sidecars/"

// mostSidecars bounds how many sidecars a checkpoint may name.
const mostSidecars = 1 << 20

// checkpointKinds are the columns of a checkpoint by kind.
var checkpointKinds = map[string]Kinds{"txn": KindTxn, "add": KindAdd, "remove": KindRemove, "metaData": KindMetadata,
	"protocol": KindProtocol, "domainMetadata": KindDomain, "sidecar": KindSidecar}

// checkpoint calls visit with the wanted actions of a checkpoint of any form: one Parquet file, several, or a
// file in Parquet or JSON with sidecars. Where there are several files they are read beside each other.
func (l *Log) checkpoint(ctx context.Context, parts []Object, want Kinds, visit func(*Action) error) error {
	if len(parts) == 0 {
		return nil
	}
	want &^= KindSidecar
	var names, sidecars []string
	seen := map[string]bool{}
	for _, p := range parts {
		names = append(names, p.Name)
	}
	each, kinds := visit, want
	if want&KindsFiles != 0 {
		kinds |= KindSidecar
		each = func(a *Action) error {
			if a.Sidecar == nil {
				return visit(a)
			}
			name, err := SidecarName(a.Sidecar.Path)
			switch {
			case err != nil:
			case seen[name]:
				err = fmt.Errorf("it names sidecar %s twice", name) // read each time it would make much of little
			case len(sidecars) >= mostSidecars:
				err = fmt.Errorf("more than %d sidecars", mostSidecars)
			}
			if err != nil {
				return &brokenError{parts[0].Name, err}
			}
			seen[name] = true
			sidecars = append(sidecars, name)
			return nil
		}
	}
	if err := l.partsBeside(ctx, names, kinds, each); err != nil {
		return brokenBy(parts[0].Name, err)
	}
	if len(sidecars) == 0 {
		return nil
	}
	if err := l.partsBeside(ctx, sidecars, want&KindsFiles, visit); err != nil {
		return brokenBy(parts[0].Name, fmt.Errorf("its sidecars: %w", err))
	}
	return nil
}

// brokenBy says that the object is broken, unless the error is the visitor's.
func brokenBy(name string, err error) error {
	var mine visitError
	if errors.As(err, &mine) {
		return mine.error
	}
	return &brokenError{name, err}
}

// SidecarName returns the object's name of a sidecar: its path is its name in the folder, with or without the folder.
func SidecarName(path string) (string, error) {
	name, err := DecodePath(path)
	if err != nil {
		return "", err
	}
	name = strings.TrimPrefix(name, SidecarDir)
	if name == "" || strings.Contains(name, "/") {
		return "", fmt.Errorf("it does not lie in %s", SidecarDir)
	}
	return SidecarDir + name, nil
}

// part calls visit with the wanted actions of one file of a checkpoint. An error of visit comes back as a visitError.
func (l *Log) part(ctx context.Context, name string, want Kinds, visit func(*Action) error) error {
	return l.partOf(ctx, name, secondSchema.Fields, want, visit)
}

// partOf is part that reads only some columns, or some of their fields, of a Parquet file.
func (l *Log) partOf(ctx context.Context, name string, columns []batch.Field, want Kinds, visit func(*Action) error) error {
	r, err := l.Store.Open(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	if strings.HasSuffix(name, ".json") {
		return Decode(io.NewSectionReader(r, 0, r.Size()), want, l.Limits, func(a *Action) error {
			if err := visit(a); err != nil {
				return visitError{err}
			}
			return nil
		})
	}
	f, err := parquet.Open(r, r.Size(), parquet.ReadOptions{Name: l.Store.URI() + "/" + name, Pool: l.Pool, Limits: checkpointLimits})
	if err != nil {
		return err
	}
	left := expansion{rows: r.Size() + checkpointRows, text: smallText + mostShrunk*r.Size()}
	if err := left.takeRows(f.Rows()); err != nil {
		return err
	}
	fields := wanted(f.Schema(), columns, want)
	if len(fields) == 0 {
		return nil
	}
	rows, err := f.Read(batch.NewSchema(fields...))
	if err != nil {
		return err
	}
	defer rows.Close()
	names := &interner{}
	for {
		if err := ctx.Err(); err != nil {
			return visitError{err}
		}
		b, err := rows.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		err = actions(b, names, func(a *Action) error {
			if err := left.take(a); err != nil {
				return err
			}
			if err := visit(a); err != nil {
				return visitError{err}
			}
			return nil
		})
		b.Release()
		if err != nil {
			return err
		}
	}
}

// wanted returns what is read of the columns of the wanted kinds that a file has.
func wanted(have *batch.Schema, columns []batch.Field, want Kinds) []batch.Field {
	var fields []batch.Field
	for _, w := range columns {
		if checkpointKinds[w.Name]&want == 0 {
			continue
		}
		if i := have.Index(w.Name); i >= 0 {
			t := have.Fields[i].Type
			if w.Type = present(w.Type, t); w.Name == "add" {
				w.Type = withStats(w.Type, t)
			}
			if len(w.Type.Fields) > 0 {
				fields = append(fields, w)
			}
		}
	}
	return fields
}

// present leaves out the struct fields that the file does not have.
func present(want, have batch.Type) batch.Type {
	if want.Kind != batch.Struct || have.Kind != batch.Struct {
		return want
	}
	out := batch.Type{Kind: batch.Struct}
	for _, w := range want.Fields {
		for _, h := range have.Fields {
			if h.Name == w.Name {
				w.Type = present(w.Type, h.Type)
				out.Fields = append(out.Fields, w)
			}
		}
	}
	return out
}
