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


def build_xtts(folder):
    """Write a random XTTS of 24 M parameters, its vocabulary and one speaker into `folder`."""
    import torch
    from tokenizers import Tokenizer, models
    from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
    from TTS.tts.models.xtts import Xtts

    torch.manual_seed(1)
    folder.mkdir(parents=True, exist_ok=True)
    special = ["[STOP]", "[UNK]", "[SPACE]", "[en]", "[zh-cn]", "[START]"]
    words = [*special, *"abcdefghijklmnopqrstuvwxyz12345,.?! "]
    vocabulary = {word: n for n, word in enumerate(words)}
    tokens = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokens.add_special_tokens(special)
    tokens.save(str(folder / "vocab.json"))
    size = XttsArgs(
        gpt_layers=1,
        gpt_n_model_channels=64,
        gpt_n_heads=2,
        gpt_number_text_tokens=len(words) + 2,
        gpt_max_audio_tokens=40,
        decoder_input_dim=64,
    )
    config = XttsConfig(model_args=size)
    model = Xtts(config)
    model.tokenizer = VoiceBpeTokenizer(folder / "vocab.json")
    model.init_models()
    model.gpt.init_gpt_for_inference(kv_cache=True)
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    config.save_json(str(folder / "config.json"))
    voice = {
        "gpt_cond_latent": torch.randn(1, 32, 64),
        "speaker_embedding": torch.randn(1, 512, 1),
    }
    torch.save({"mei": voice}, folder / "speakers_xtts.pth")
    return folder
