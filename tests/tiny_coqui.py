"""A random VITS of 6 MB in coqui-tts' own format: it makes noise, but by all of the real code."""

import importlib.util

CHARACTERS = "abcdefghijklmnopqrstuvwxyz好的马上今天只要一百九十点元家人们"
PACKAGES = ("TTS", "torch", "torchaudio", "torchcodec")


def missing():
    """Why it cannot be built here, "" when it can."""
    lacking = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    return f"the coqui extra is not installed: {', '.join(lacking)}" if lacking else ""


def build(folder):
    """Write config.json and model.pth into `folder`."""
    import torch
    from TTS.tts.configs.shared_configs import CharactersConfig
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits, VitsArgs

    torch.manual_seed(1)
    characters = CharactersConfig(
        characters_class="TTS.tts.models.vits.VitsCharacters",
        characters=CHARACTERS,
        punctuations="!,.?- ，。！？",
        pad="_", eos="", bos="", blank="~", phonemes="",
    )  # fmt: skip
    size = VitsArgs(
        init_discriminator=False,
        hidden_channels=32,
        hidden_channels_ffn_text_encoder=64,
        num_heads_text_encoder=2,
        num_layers_text_encoder=1,
        num_layers_flow=1,
        num_layers_posterior_encoder=1,
        upsample_initial_channel_decoder=32,
    )
    config = VitsConfig(
        model_args=size, characters=characters, text_cleaner="basic_cleaners", use_phonemes=False
    )
    config.model_args.num_chars = len(CHARACTERS) + 20
    model = Vits(config)
    folder.mkdir(parents=True, exist_ok=True)
    config.save_json(str(folder / "config.json"))
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    return folder
