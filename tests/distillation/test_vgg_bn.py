"""The course's VGG in torchvision's own class."""

import torch
import torchvision.models as tv

from utils.backbones import load_backbone
from utils.distillation.vgg_bn import as_torchvision_vgg11_bn
from utils.images import open_photo, preprocess, sample_photo
from utils.weights import course_file, read_course_weights


def test_torchvisions_vgg11_bn_gives_the_same_logits() -> None:
    backbone = load_backbone("vgg11_gap", "offline")
    model = tv.vgg11_bn()
    state = as_torchvision_vgg11_bn(read_course_weights(course_file("vgg11_gap")))
    model.load_state_dict(state, strict=True)
    photos = [sample_photo(name) for name in ("chelsea", "china")]
    pixels = torch.cat([preprocess(open_photo(f), backbone.spec.preprocessing) for f in photos])
    with torch.inference_mode():
        torch.testing.assert_close(model.eval()(pixels), backbone.logits(pixels), atol=1e-4, rtol=0)
