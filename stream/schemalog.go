package stream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/location"
)

// schemaHead begins every version of a schema log: what it is and by which format.
const schemaHead = "deltaic schema v1\n"

// schemaLog keeps the versions of a schema in a folder, one object each, named by its number.
type schemaLog struct{ store objstore.Store }

func openSchemas(folder string) (expr.SchemaLog, error) {
	store, err := location.Open(location.Join(folder, "_schemas"))
	if err != nil {
		return nil, err
	}
	return schemaLog{store}, nil
}

func schemaName(version int) string { return fmt.Sprintf("%020d", version) }

// Newest returns the newest version and its number.
func (l schemaLog) Newest() (string, int, error) {
	newest := 0
	err := l.store.List(context.Background(), "", "", func(o objstore.Info) bool {
		if n, err := strconv.Atoi(o.Name); err == nil && o.Name == schemaName(n) {
			newest = max(newest, n)
		}
		return true
	})
	if err != nil && !errors.Is(err, objstore.ErrNotFound) && !errors.Is(err, fs.ErrNotExist) {
		return "", 0, err
	}
	if newest == 0 {
		return "", 0, nil
	}
	text, err := l.store.Get(context.Background(), schemaName(newest), maxFile)
	if err != nil {
		return "", 0, err
	}
	ddl, ok := strings.CutPrefix(string(text), schemaHead)
	if !ok {
		return "", 0, fmt.Errorf("version %d of the schema is of a format that this version does not know", newest)
	}
	return ddl, newest, nil
}

// Append adds a version; one that is there already stays.
func (l schemaLog) Append(version int, ddl string) error {
	err := l.store.PutIfAbsent(context.Background(), schemaName(version), []byte(schemaHead+ddl))
	if errors.Is(err, objstore.ErrExists) {
		return nil
	}
	return err
}
