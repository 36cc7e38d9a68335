"""Networks as PyTorch exports them, with random weights of a seed: by TorchScript and by Dynamo."""

import io
import os
import tempfile
import warnings

import generate
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision


def networks():
    warnings.filterwarnings("ignore")
    group = generate.Group("torch")
    for name, (make, shape, opsets) in ZOO.items():
        for opset in opsets:
            torch.manual_seed(7)
            net = randomised(make())
            x = torch.randn(shape)
            tag = "dynamo" if opset is None else str(opset)
            data = dynamo(net, x) if opset is None else script(net, x, opset)
            with torch.no_grad():
                want = net(x).numpy()
            got = generate.run(data, x.numpy())
            assert abs(got - want).max() <= 1e-4 * abs(want).max() + 1e-6, (name, tag)
            ending = "softmax" if name == "cnn_1d" else "logsoftmax" if name == "lenet" else "none"
            group.add(f"{name}_{tag}", data, x.numpy(), ending, want)
    batch(group)
    external(group)
    return group


def randomised(net):
    """Statistics and slopes that are not those of a fresh network."""
    for m in net.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(m.running_mean, -0.2, 0.2)
            nn.init.uniform_(m.running_var, 0.6, 1.5)
            nn.init.uniform_(m.weight, 0.7, 1.3)
            nn.init.uniform_(m.bias, -0.2, 0.2)
    return net.eval()


def script(net, x, opset, **more):
    out = io.BytesIO()
    torch.onnx.export(net, (x,), out, opset_version=opset, dynamo=False, input_names=["input"], **more)
    return out.getvalue()


def dynamo(net, x, **more):
    args = x if isinstance(x, tuple) else (x,)
    program = torch.onnx.export(net, args, dynamo=True, verbose=False, **more)
    model = program.model_proto
    # Where each node came from in the source; several times the size of such small weights.
    for n in model.graph.node:
        del n.metadata_props[:]
        n.ClearField("doc_string")
    for v in list(model.graph.value_info) + list(model.graph.input) + list(model.graph.output):
        del v.metadata_props[:]
    del model.graph.metadata_props[:]
    return model.SerializeToString()


def batch(group):
    """A batch that the file leaves open."""
    net = randomised(lenet())
    torch.manual_seed(8)
    x = torch.randn(2, 1, 28, 28)
    legacy = script(net, x, 17, dynamic_axes={"input": {0: "n"}})
    group.add("lenet_dynamic_batch", legacy, x.numpy(), "logsoftmax", batch=2)
    data = dynamo(net, x, dynamic_shapes=({0: torch.export.Dim("n")},))
    group.add("lenet_dynamo_batch", data, x.numpy(), "logsoftmax", batch=2)


def external(group):
    """Weights in a file of their own."""
    torch.manual_seed(9)
    net, x = lenet(), torch.randn(1, 1, 28, 28)
    data = script(net.eval(), x, 17)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.onnx")
        model = onnx.load_from_string(data)
        onnx.save(model, path, save_as_external_data=True, location="lenet_external.weights", size_threshold=64)
        weights = open(os.path.join(folder, "lenet_external.weights"), "rb").read()
        (generate.DATA / "lenet_external.weights").write_bytes(weights)
        with torch.no_grad():
            want = net(x).numpy()
        group.add("lenet_external", open(path, "rb").read(), x.numpy(), "logsoftmax", want, external=True)


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, padding=2), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(4, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(150, 20), nn.ReLU(), nn.Linear(20, 10), nn.LogSoftmax(1),
    )


class VggLike(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(True), nn.MaxPool2d(2), nn.Conv2d(6, 8, 2),
            nn.ReLU6(), nn.MaxPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d((4, 4)),
        )
        self.head = nn.Sequential(nn.Dropout(), nn.Linear(128, 16), nn.LeakyReLU(0.1), nn.Linear(16, 7))

    def forward(self, x):
        x = self.features(x)
        return self.head(torch.flatten(x, 1))


class ViewHead(nn.Module):
    """`view` with sizes asked of the tensor, as much code does it."""

    def __init__(self):
        super().__init__()
        self.conv, self.act, self.fc = nn.Conv2d(3, 5, 3, stride=2), nn.PReLU(5), nn.Linear(5 * 7 * 7, 6)

    def forward(self, x):
        x = self.act(self.conv(x))
        x = x.view(x.size(0), -1)
        return self.fc(x)


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(8, eps=0.001)
        self.one, self.three = nn.Conv2d(8, 6, 1), nn.Conv2d(8, 6, (1, 5), padding=(0, 2))
        self.tall = nn.Conv2d(6, 6, (5, 1), padding=(2, 0))
        self.fc = nn.Linear(28, 9)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)), inplace=True)
        pooled = F.avg_pool2d(x, 3, stride=1, padding=1)
        most = F.max_pool2d(x, 3, stride=1, padding=1)
        x = torch.cat([self.one(x), self.tall(self.three(x)), pooled, most], 1)
        return self.fc(x.mean([2, 3]))


class Padded(nn.Module):
    """The CIFAR ResNet's shortcut without weights, and reflected borders."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 6, 3, stride=2), nn.Conv2d(6, 6, 3, padding=1)
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        short = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 2))
        x = self.a(F.pad(x, (1, 1, 1, 1), mode="reflect"))
        x = F.relu(self.b(x) + short)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Gated(nn.Module):
    """Squeeze and excitation with a clipped line in place of the sigmoid, and a difference of two branches."""

    def __init__(self):
        super().__init__()
        self.conv, self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)

    def forward(self, x):
        x = F.relu(self.conv(x))
        gate = self.b(F.relu(self.a(F.adaptive_avg_pool2d(x, 1))))
        x = x * torch.clamp(gate * 0.2 + 0.5, 0, 1)
        left, right = x.chunk(2, dim=1)
        return (left - torch.maximum(left, right)).amax((2, 3))


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(2, 6, 5, stride=2, padding=2), nn.BatchNorm1d(6), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(6, 6, 3, groups=3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 5),
        )

    def forward(self, x):
        return F.softmax(self.body(x), dim=1)


def mlp():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(36, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 12), nn.ReLU(), nn.BatchNorm1d(12),
        nn.Linear(12, 5),
    )


def resnet18():
    net = torchvision.models.resnet18(num_classes=10)
    return narrow(net, 8)


def narrow(net, by):
    """The same network with a fraction of the channels."""
    for name, m in list(net.named_modules()):
        parent = net.get_submodule(name.rpartition(".")[0]) if "." in name else net
        if isinstance(m, nn.Conv2d):
            inner = m.in_channels if m.in_channels == 3 else m.in_channels // by
            new = nn.Conv2d(inner, m.out_channels // by, m.kernel_size, m.stride, m.padding, bias=m.bias is not None)
        elif isinstance(m, nn.BatchNorm2d):
            new = nn.BatchNorm2d(m.num_features // by)
        elif isinstance(m, nn.Linear):
            new = nn.Linear(m.in_features // by, m.out_features)
        else:
            continue
        setattr(parent, name.rpartition(".")[2], new)
    return net


def mobilenet():
    return torchvision.models.mobilenet_v2(
        num_classes=10, width_mult=0.25,
        inverted_residual_setting=[[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 2, 2], [6, 64, 1, 1]],
    )


def shufflenet():
    return torchvision.models.ShuffleNetV2([2, 3, 2], [8, 16, 24, 32, 48], num_classes=10)


class Squeeze(nn.Module):
    """SqueezeNet with its fire modules, narrower and fewer."""

    def __init__(self):
        super().__init__()
        fire = torchvision.models.squeezenet.Fire
        self.features = nn.Sequential(
            nn.Conv2d(3, 12, 3, stride=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, ceil_mode=True), fire(12, 4, 8, 8),
            fire(16, 4, 8, 8), nn.MaxPool2d(3, 2, ceil_mode=True), fire(16, 6, 12, 12),
        )
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(24, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)))

    def forward(self, x):
        return torch.flatten(self.classifier(self.features(x)), 1)


def densenet():
    return torchvision.models.DenseNet(growth_rate=4, block_config=(2, 3, 2), num_init_features=8, bn_size=2, num_classes=10)


ZOO = {
    "lenet": (lenet, [1, 1, 28, 28], [11, 17, None]),
    "mlp": (mlp, [2, 1, 6, 6], [9, 18, None]),
    "vgg_like": (VggLike, [1, 3, 32, 32], [11, 20, None]),
    "view_head": (ViewHead, [1, 3, 16, 16], [9, 16, None]),
    "inception": (Inception, [1, 3, 17, 17], [13, None]),
    "padded": (Padded, [1, 3, 16, 16], [11, 18, None]),
    "gated": (Gated, [1, 3, 8, 8], [13, None]),
    "cnn_1d": (Line, [2, 2, 40], [13, None]),
    "resnet18": (resnet18, [1, 3, 32, 32], [13, None]),
    "mobilenet_v2": (mobilenet, [1, 3, 32, 32], [13, None]),
    "shufflenet_v2": (shufflenet, [1, 3, 32, 32], [11, None]),
    "squeezenet": (Squeeze, [1, 3, 32, 32], [13, None]),
    "densenet": (densenet, [1, 3, 32, 32], [13, None]),
}
