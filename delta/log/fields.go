package log

import (
	"errors"
	"strconv"
	"strings"
)

func itoa(v int64) string { return strconv.FormatInt(v, 10) }

func (s *scanner) intTo(v *int64) error {
	n, ok, err := s.int()
	if ok {
		*v = n
	}
	return err
}

func (s *scanner) intPointer(v **int64) error {
	n, ok, err := s.int()
	if ok {
		*v = &n
	}
	return err
}

func (s *scanner) strTo(v *string) (err error) {
	*v, err = s.str()
	return err
}

func (s *scanner) boolTo(v *bool) (err error) {
	*v, err = s.bool()
	return err
}

func (s *scanner) strings(v *[]string) error {
	if s.null() {
		return nil
	}
	*v = []string{}
	return s.array(func() error {
		text, err := s.str()
		*v = append(*v, text)
		return err
	})
}

// stringMap reads an object of strings; a null value is "".
func (s *scanner) stringMap(v *map[string]string) error {
	return s.object(func(key []byte) error {
		if *v == nil {
			*v = map[string]string{}
		}
		k := string(key)
		text, err := s.scalar()
		(*v)[k] = text
		return err
	})
}

// scalar reads a string, or a number or boolean as its text: writers differ.
func (s *scanner) scalar() (string, error) {
	if c := s.peek(); c == '"' || c == 'n' {
		return s.str()
	}
	raw, err := s.raw()
	return string(raw), err
}

func (s *scanner) parameters(v *[]Parameter) error {
	if c := s.peek(); c != '{' && c != 'n' {
		return s.skip() // some writers put a string or a list here
	}
	return s.object(func(key []byte) error {
		k := string(key)
		raw, err := s.raw()
		*v = append(*v, Parameter{k, string(raw)})
		return err
	})
}

func (s *scanner) protocol(p *Protocol) error {
	return s.object(func(key []byte) error {
		switch string(key) {
		case "minReaderVersion":
			return s.small(&p.MinReader)
		case "minWriterVersion":
			return s.small(&p.MinWriter)
		case "readerFeatures":
			return s.strings(&p.ReaderFeatures)
		case "writerFeatures":
			return s.strings(&p.WriterFeatures)
		}
		return s.skip()
	})
}

func (s *scanner) small(v *int) error {
	n, _, err := s.int()
	if err == nil && (n < 0 || n > 1<<20) {
		err = errors.New("protocol version " + itoa(n) + " is out of range")
	}
	*v = int(n)
	return err
}

func (s *scanner) metadata(m *Metadata) error {
	return s.object(func(key []byte) error {
		switch string(key) {
		case "id":
			return s.strTo(&m.ID)
		case "name":
			return s.strTo(&m.Name)
		case "description":
			return s.strTo(&m.Description)
		case "format":
			return s.object(func(key []byte) error {
				switch string(key) {
				case "provider":
					return s.strTo(&m.Provider)
				case "options":
					return s.stringMap(&m.FormatOptions)
				}
				return s.skip()
			})
		case "schemaString":
			return s.strTo(&m.SchemaString)
		case "partitionColumns":
			return s.strings(&m.PartitionColumns)
		case "configuration":
			return s.stringMap(&m.Configuration)
		case "createdTime":
			return s.intPointer(&m.CreatedTime)
		}
		return s.skip()
	})
}

func (s *scanner) txn(t *Txn) error {
	return s.object(func(key []byte) error {
		switch string(key) {
		case "appId":
			return s.strTo(&t.AppID)
		case "version":
			return s.intTo(&t.Version)
		case "lastUpdated":
			return s.intPointer(&t.LastUpdated)
		}
		return s.skip()
	})
}

func (s *scanner) domain(d *Domain) error {
	return s.object(func(key []byte) error {
		switch string(key) {
		case "domain":
			return s.strTo(&d.Domain)
		case "configuration":
			return s.strTo(&d.Configuration)
		case "removed":
			return s.boolTo(&d.Removed)
		}
		return s.skip()
	})
}

func (s *scanner) partition(p *PartitionValues, in *interner) error {
	return s.object(func(key []byte) error {
		name := in.name(key)
		value, err := s.scalar()
		*p = append(*p, PartitionValue{name, value})
		return err
	})
}

func (s *scanner) deletionVector(d **DeletionVector) error {
	if s.null() {
		return nil
	}
	v := &DeletionVector{}
	*d = v
	return s.object(func(key []byte) error {
		switch string(key) {
		case "storageType":
			return s.strTo(&v.StorageType)
		case "pathOrInlineDv":
			return s.strTo(&v.PathOrInline)
		case "offset":
			return s.intPointer(&v.Offset)
		case "sizeInBytes":
			return s.intTo(&v.SizeInBytes)
		case "cardinality":
			return s.intTo(&v.Cardinality)
		case "maxRowIndex":
			return s.intPointer(&v.MaxRowIndex)
		}
		return s.skip()
	})
}

var errNoPath = errors.New("file action without a path")

func (s *scanner) add(a *Add, in *interner) error {
	err := s.object(func(key []byte) error {
		switch string(key) {
		case "path":
			return s.strTo(&a.Path)
		case "partitionValues":
			return s.partition(&a.Partition, in)
		case "size":
			return s.intTo(&a.Size)
		case "modificationTime":
			return s.intTo(&a.ModificationTime)
		case "dataChange":
			return s.boolTo(&a.DataChange)
		case "stats":
			return s.strTo(&a.Stats)
		case "tags":
			return s.stringMap(&a.Tags)
		case "deletionVector":
			return s.deletionVector(&a.DeletionVector)
		case "baseRowId":
			return s.intPointer(&a.BaseRowID)
		case "defaultRowCommitVersion":
			return s.intPointer(&a.DefaultRowCommitVersion)
		case "clusteringProvider":
			return s.strTo(&a.ClusteringProvider)
		}
		return s.skip()
	})
	if err == nil && a.Path == "" {
		err = errNoPath
	}
	return err
}

func (s *scanner) remove(r *Remove, in *interner) error {
	err := s.object(func(key []byte) error {
		switch string(key) {
		case "path":
			return s.strTo(&r.Path)
		case "deletionTimestamp":
			return s.intPointer(&r.DeletionTimestamp)
		case "dataChange":
			return s.boolTo(&r.DataChange)
		case "extendedFileMetadata":
			return s.boolTo(&r.Extended)
		case "partitionValues":
			return s.partition(&r.Partition, in)
		case "size":
			return s.intPointer(&r.Size)
		case "stats":
			return s.strTo(&r.Stats)
		case "tags":
			return s.stringMap(&r.Tags)
		case "deletionVector":
			return s.deletionVector(&r.DeletionVector)
		case "baseRowId":
			return s.intPointer(&r.BaseRowID)
		case "defaultRowCommitVersion":
			return s.intPointer(&r.DefaultRowCommitVersion)
		}
		return s.skip()
	})
	if err == nil && r.Path == "" {
		err = errNoPath
	}
	return err
}

func (s *scanner) cdc(c *CDC, in *interner) error {
	return s.object(func(key []byte) error {
		switch string(key) {
		case "path":
			return s.strTo(&c.Path)
		case "partitionValues":
			return s.partition(&c.Partition, in)
		case "size":
			return s.intTo(&c.Size)
		case "tags":
			return s.stringMap(&c.Tags)
		}
		return s.skip()
	})
}

func (s *scanner) sidecar(c *Sidecar) error {
	err := s.object(func(key []byte) error {
		switch string(key) {
		case "path":
			return s.strTo(&c.Path)
		case "sizeInBytes":
			return s.intTo(&c.Size)
		case "modificationTime":
			return s.intTo(&c.ModificationTime)
		case "tags":
			return s.stringMap(&c.Tags)
		}
		return s.skip()
	})
	if err == nil && c.Path == "" {
		err = errNoPath
	}
	return err
}

func (s *scanner) commitInfo(c *CommitInfo) error {
	if s.peek() != '{' {
		return s.skip()
	}
	return s.object(func(key []byte) error {
		switch string(key) {
		case "timestamp":
			return s.loose(func() error { return s.intTo(&c.Timestamp) })
		case "inCommitTimestamp":
			return s.intPointer(&c.InCommitTimestamp)
		case "userId":
			return s.looseText(&c.UserID)
		case "userName":
			return s.looseText(&c.UserName)
		case "operation":
			return s.looseText(&c.Operation)
		case "operationParameters":
			return s.parameters(&c.Parameters)
		case "readVersion":
			return s.loose(func() error { return s.intPointer(&c.ReadVersion) })
		case "isolationLevel":
			return s.looseText(&c.IsolationLevel)
		case "isBlindAppend":
			return s.loose(func() error {
				if s.null() {
					return nil
				}
				v, err := s.bool()
				c.IsBlindAppend = &v
				return err
			})
		case "operationMetrics":
			return s.parameters(&c.Metrics)
		case "userMetadata":
			return s.looseText(&c.UserMetadata)
		case "tags":
			if s.peek() != '{' {
				return s.skip()
			}
			return s.stringMap(&c.Tags)
		case "engineInfo":
			return s.looseText(&c.EngineInfo)
		case "txnId":
			return s.looseText(&c.TxnID)
		}
		return s.skip()
	})
}

// loose reads a field of commitInfo, which is free JSON: another type than
// expected is passed over.
func (s *scanner) loose(read func() error) error {
	pos, depth := s.pos, s.depth
	if err := read(); err == nil || errors.Is(err, errTruncated) {
		return err
	}
	s.pos, s.depth = pos, depth
	return s.skip()
}

func (s *scanner) looseText(v *string) error {
	text, err := s.scalar()
	*v = text
	return err
}

// NumRecords returns the number of rows that a file's statistics state.
func NumRecords(stats string) (int64, bool) {
	if n, ok := leadingRecords(stats); ok {
		return n, true
	}
	if stats == "" {
		return 0, false
	}
	s, n, found := &scanner{data: []byte(stats)}, int64(0), false
	err := s.object(func(key []byte) (err error) {
		if string(key) == "numRecords" {
			n, found, err = s.int()
			return err
		}
		return s.skip()
	})
	return n, found && err == nil && n >= 0
}

// leadingRecords reads the number where every writer that is known puts it, in front: what comes after it is not looked at.
func leadingRecords(stats string) (n int64, ok bool) {
	rest, ok := strings.CutPrefix(stats, `{"numRecords":`)
	if !ok {
		return 0, false
	}
	for i := range len(rest) {
		switch c := rest[i]; {
		case c >= '0' && c <= '9' && i < 18:
			n = n*10 + int64(c-'0')
		default:
			return n, i > 0 && (c == ',' || c == '}')
		}
	}
	return 0, false
}
