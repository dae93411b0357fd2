"""A JSON Schema of the part of SARIF that savi-ckpt writes, by hand from the specification (OASIS
SARIF 2.1.0, sections 3.13 to 3.36). Objects are closed: a property that the specification does not
have is an error here, as in the official schema, which no Python package carries."""


def closed(required, **properties):
    return {"type": "object", "required": required, "properties": properties,
            "additionalProperties": False}


TEXT = {"type": "string", "minLength": 1}
INDEX = {"type": "integer", "minimum": 0}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = closed(["text"], text=TEXT)  # 3.11
ARTIFACT_LOCATION = closed(  # 3.4
    ["uri"], uri={"type": "string", "format": "uri-reference"}, index=INDEX)
LOCATION = closed(  # 3.28
    ["physicalLocation"],
    physicalLocation=closed(  # 3.29
        ["artifactLocation"], artifactLocation=ARTIFACT_LOCATION,
        region=closed([], startLine={"type": "integer", "minimum": 1})),  # 3.30
    logicalLocations={"type": "array", "items": closed(  # 3.33
        [], fullyQualifiedName=TEXT, kind=TEXT)})
RULE = closed(  # 3.49
    ["id"], id=TEXT, name=TEXT, shortDescription=MESSAGE,
    defaultConfiguration=closed([], level=LEVEL))  # 3.50
RESULT = closed(  # 3.27
    ["message"], ruleId=TEXT, ruleIndex=INDEX, level=LEVEL, message=MESSAGE,
    locations={"type": "array", "items": LOCATION},
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    suppressions={"type": "array", "items": closed(  # 3.35
        ["kind"], kind={"enum": ["inSource", "external"]},
        status={"enum": ["accepted", "underReview", "rejected"]}, justification=TEXT)})
SARIF = closed(  # 3.13
    ["version", "runs"],
    **{"$schema": {"type": "string", "format": "uri"}, "version": {"const": "2.1.0"}},
    runs={"type": "array", "items": closed(  # 3.14
        ["tool"],
        tool=closed(["driver"], driver=closed(  # 3.18, 3.19
            ["name"], name=TEXT, semanticVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
            rules={"type": "array", "items": RULE, "uniqueItems": True})),
        columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        artifacts={"type": "array", "items": closed([], location=ARTIFACT_LOCATION)},
        results={"type": "array", "items": RESULT})})
