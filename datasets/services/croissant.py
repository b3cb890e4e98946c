"""MLCommons Croissant 1.0 metadata of a release: its files and the columns of its tables."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from datasets.services import judgements
from datasets.services.rows import CLIP_SCHEMA, TARGET_SCHEMA

# The context that version 1.0 of the format prescribes.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_FORMATS = {".parquet": "application/x-parquet", ".jsonl": "application/jsonlines"}
_TYPES: dict[Any, str] = {
    pa.string(): "sc:Text",
    pa.bool_(): "sc:Boolean",
    pa.float64(): "sc:Float",
    pa.int8(): "sc:Integer",
    pa.int32(): "sc:Integer",
    pa.int64(): "sc:Integer",
}


def encode_metadata(manifest: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Encode the JSON-LD file. Of `files` (entries of the manifest) it describes the tables and the row files."""
    named = [name for name in sorted(files) if name.endswith(tuple(_FORMATS))]
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"{manifest['name']}-{manifest['number']}",
        "description": _describe(manifest),
        "version": f"{manifest['number']}.0.0",
        "license": "The clips keep the licences of the generators that made them.",
        "url": f"urn:sha256:{manifest['content_hash']}",
        "citeAs": f"{manifest['name']}, release {manifest['number']}, content hash {manifest['content_hash']}",
        "distribution": [_describe_file(name, files[name]) for name in named],
        "recordSet": [_describe_table(*table) for table in _list_tables(files)],
    }
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _list_tables(files: Mapping[str, Any]) -> list[tuple[str, pa.Schema]]:
    more = [("judgements", judgements.SCHEMA)] if judgements.FILE in files else []
    return [("clips", CLIP_SCHEMA), ("targets", TARGET_SCHEMA), *more]


def _describe(manifest: Mapping[str, Any]) -> str:
    words = "Generated videos graded on three axes with defects, evidence and reasons."
    return f"SIMULATED: not human judgement. {words}" if manifest["simulated"] else words


def _describe_file(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{entry['bytes']} B",
        "encodingFormat": _FORMATS[name[name.rindex(".") :]],
        "sha256": entry["sha256"],
    }


def _describe_table(table: str, schema: pa.Schema) -> dict[str, Any]:
    """Describe the plain columns of a table; its own schema has the nested ones."""
    return {
        "@type": "cr:RecordSet",
        "@id": table,
        "name": table,
        "field": [_describe_column(table, column) for column in schema if column.type in _TYPES],
    }


def _describe_column(table: str, column: pa.Field) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{table}/{column.name}",
        "name": column.name,
        "dataType": _TYPES[column.type],
        "source": {"fileObject": {"@id": f"{table}.parquet"}, "extract": {"column": column.name}},
    }
