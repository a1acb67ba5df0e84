"""Make another CC0 host: body, face, hair, outfit and light by parameters, rendered by Blender.

In:  a host's parameters (TOML).   Out: labelled pictures to train decoders on, an avatar folder.

Runs where `bpy` is installed, not where a show runs; see docs/recipe.md.
"""
