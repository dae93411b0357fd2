// The library's one import: everything below that is public, and what makes it short to use.

@_exported public import CheckpointConversion
@_exported public import CheckpointCore
@_exported public import CheckpointFormats
@_exported public import CheckpointInspection
@_exported public import CheckpointMapping
@_exported public import CheckpointValidation
@_exported public import ModelVerification
