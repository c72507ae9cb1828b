"""Keys of the trainers' configurations: the full lists where a trainer refuses others, and those that curate reads."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KOHYA_SUBSET = _words("""
    num_repeats caption_extension cache_info alpha_mask shuffle_caption caption_separator keep_tokens
    keep_tokens_separator secondary_separator enable_wildcard color_aug flip_aug face_crop_aug_range random_crop
    caption_prefix caption_suffix caption_dropout_rate caption_dropout_every_n_epochs caption_tag_dropout_rate
    token_warmup_min token_warmup_step custom_attributes resize_interpolation class_tokens
""")
_KOHYA_SET = _words("""
    resolution batch_size enable_bucket min_bucket_reso max_bucket_reso bucket_reso_steps bucket_no_upscale
    network_multiplier validation_seed validation_split resize_interpolation
""")
_MUSUBI_GENERAL = _words("resolution caption_extension batch_size num_repeats enable_bucket bucket_no_upscale")
_MUSUBI_SET = _words("""
    image_directory image_jsonl_file cache_directory control_directory video_directory video_jsonl_file target_frames
    frame_extraction frame_stride frame_sample max_frames source_fps multiple_target no_resize_control
    control_resolution fp_latent_window_size fp_1f_clean_indices fp_1f_target_index fp_1f_no_post
""")

KNOWN: dict[tuple[str, str], frozenset[str]] = {
    ("kohya", "the file"): _words("general datasets"),
    ("kohya", "general"): _KOHYA_SET | _KOHYA_SUBSET,
    ("kohya", "datasets"): _KOHYA_SET | _KOHYA_SUBSET | {"subsets"},
    ("kohya", "subsets"): _KOHYA_SUBSET | _words("image_dir is_reg metadata_file conditioning_data_dir"),
    ("musubi", "the file"): _words("general datasets"),
    ("musubi", "general"): _MUSUBI_GENERAL,
    ("musubi", "datasets"): _MUSUBI_GENERAL | _MUSUBI_SET,
}
"""By trainer and section. Read in the schemas of sd-scripts 48d368fa and musubi-tuner 30c658c4."""

READ: dict[str, frozenset[str]] = {
    "kohya": _words("""
        train_batch_size max_train_epochs max_train_steps gradient_accumulation_steps learning_rate unet_lr network_dim
        network_alpha optimizer_type resolution enable_bucket min_bucket_reso max_bucket_reso bucket_reso_steps
        bucket_no_upscale datasets
    """),
    "onetrainer": _words("""
        epochs batch_size gradient_accumulation_steps learning_rate resolution lora_rank lora_alpha optimizer concepts
        balancing
    """),
    "ai-toolkit": _words("""
        config process train network datasets batch_size steps gradient_accumulation gradient_accumulation_steps lr
        optimizer linear linear_alpha num_repeats resolution flip_x flip_y
    """),
    "simpletuner": _words("""
        train_batch_size num_train_epochs max_train_steps gradient_accumulation_steps learning_rate lora_rank lora_alpha
        optimizer resolution resolution_type crop minimum_image_size maximum_image_size repeats
    """),
    "diffusion-pipe": _words("""
        epochs max_steps micro_batch_size_per_gpu gradient_accumulation_steps adapter optimizer dataset directory
        resolutions enable_ar_bucket min_ar max_ar num_ar_buckets ar_buckets num_repeats
    """),
    "musubi": frozenset(),
}
"""Keys that are read in each trainer's files, against which the others are checked for misspellings."""
